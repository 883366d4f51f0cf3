"""The case-processing system (办件系统), simulated, over SOAP 1.1 at ``/cases/services/CaseService`` (``?wsdl``).

Document/literal wrapped, namespace ``http://cases.shifan.example/services``, every call with ``userName`` and
``password`` among its parameters (``weigov`` / ``demo-cases-secret``). Times are ``yyyy-MM-dd HH:mm:ss`` in GMT+8.

``GetCaseList(userName, password, parasXml) -> string``: takes an XML *string* and answers an XML *string*, declared
GBK although the envelope around it is UTF-8, in a CDATA section; what GBK cannot write is a character reference.
``CurrentPageIndex`` begins at 1, ``PageSize`` is 1 to 100, ``UpdatedAfter`` is inclusive or empty; the order is
``UpdateTime``, then ``CaseNo``, ascending; past the last page ``Cases`` is empty::

    <?xml version="1.0" encoding="GBK"?><paras><CurrentPageIndex>1</CurrentPageIndex><PageSize>50</PageSize>
    <UpdatedAfter>2026-01-05 09:00:00</UpdatedAfter></paras>

    <soap11env:Envelope …><soap11env:Body><tns:GetCaseListResponse><tns:GetCaseListResult><![CDATA[
    <?xml version="1.0" encoding="GBK"?><result><Status>1</Status><Description></Description><Total>240</Total>
    <Cases><Case><CaseNo>SF202601050001</CaseNo><ItemName>食品经营许可证核发（含集中用餐单位食堂和网络经营）</ItemName>
    <ItemShortName>食品经营许可证核发</ItemShortName><ItemCode>SF320114</ItemCode><ApplicantName>王建国</ApplicantName>
    <ApplicantId>P0001</ApplicantId><Status>12</Status><STDVER>2.0</STDVER><Office>示范市市场监督管理局</Office>
    <AcceptTime>2026-01-05 09:00:00</AcceptTime><UpdateTime>2026-01-06 10:30:00</UpdateTime>
    <PromiseDate>2026-01-19</PromiseDate><DATASTATE>1</DATASTATE></Case>…</Cases></result>
    ]]></tns:GetCaseListResult></tns:GetCaseListResponse></soap11env:Body></soap11env:Envelope>

(no line breaks within the string). ``result/Status`` other than 1 is a refusal, with HTTP 200 and no ``Cases``:
``<result><Status>0</Status><Description>用户名或密码错误</Description><Total>0</Total></result>``; ``-1`` is
``参数格式错误``. ``ItemShortName`` is empty where the name is short. ``DATASTATE`` 1 valid, 0 void (作废).
``ApplicantId`` stands for the identity document. ``Status`` within ``Case`` means, by ``STDVER``:

    ====  ========  ========
    code  1.0       2.0
    ====  ========  ========
    11    受理      受理
    12    补正      补正
    13    审查      审查
    0     出证      准予许可
    1     退回办结  不予许可
    2     作废      作废
    3     删除      删除
    4     转报      转报
    5     补正不来  退件
    6     办结      不予受理
    ====  ========  ========

``GetCase(userName, password, caseNo) -> CaseInfo``, typed: ``caseNo itemName itemShortName itemCode applicantName
applicantId status stdVer office`` strings, ``acceptTime updateTime`` strings as above, ``promiseDate`` xs:date,
``valid`` xs:boolean, ``steps`` a list of ``CaseStep`` (``status``, ``time``). Refusals are SOAP faults (HTTP 500):
``Client.AuthFailed`` 用户名或密码错误, ``Client.CaseNotFound`` 办件不存在.

``CheckCasePassword(userName, password, caseNo, queryPassword) -> boolean``: false also for an unknown case.

``SaveEvaluation(userName, password, caseNo, score, comment) -> ResultInfo``: ``score`` xs:integer 1 (非常不满意) to 5
(非常满意), once a case, and only a finished one. ``ResultInfo`` is ``success`` xs:boolean and ``message``;
refusals (unknown case, 该办件已评价, wrong password …) are ``success`` false in a normal answer.

``SaveDeliveryResult(userName, password, caseNo, channel, state, detail, deliveredAt) -> ResultInfo``: what became of
a message about the case; ``channel`` for example ``wechat``; ``state`` required; ``deliveredAt`` as above or empty.
Every call is kept; the newest for a case and channel is the one that counts, so repeating it does no harm.
"""

from sandbox.cases.control import control
from sandbox.cases.seed import seed
from sandbox.cases.soap import install
from sandbox.cases.store import SCHEMA

__all__ = ["SCHEMA", "control", "install", "seed"]
