"""Five vendors' systems known from documents and published clients only, each with its exact wire shape.

Weigov's descriptors for them (``adapters/systems/unproven``) are exercised here, which proves that they speak the
shape that was described, and nothing about a real installation. What is known and what is assumed stands in each
module's docstring. Each is a subsystem of its own, with its own tables and its own part of the control API:

    ============  =================================================  ================================================
    epoint        新点 Epoint WebBuilder                              .NET asmx, XML declared gb2312 in a string
    trs_wcm       TRS WCM 5.2/6.x                                    Axis 1, rpc/encoded; REPORTS in a CDATA section
    trs_hycloud   TRS 海云                                            a form to one address, a session in a cookie
    hanweb        大汉 Hanweb 咨询投诉                                 Axis 1, 31 positional strings, JSON in a string
    openai_qa     OpenAI-compatible questions and answers (FastGPT)  JSON, a bearer key
    ============  =================================================  ================================================

Besides the faults of the wire, each meets ``says_no``: the call is answered as the vendor answers when it refuses,
with ``value`` as the reason and HTTP 200. Its path is ``/<subsystem>/<operation>``, for example
``/epoint/GetInfoList``.
"""

from collections.abc import Mapping
from types import ModuleType

from sandbox.vendors import epoint, hanweb, openai_qa, trs_hycloud, trs_wcm

SUBSYSTEMS: Mapping[str, ModuleType] = {
    "epoint": epoint,
    "trs_wcm": trs_wcm,
    "trs_hycloud": trs_hycloud,
    "hanweb": hanweb,
    "openai_qa": openai_qa,
}
