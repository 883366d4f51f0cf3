"""Ways of doing the same work, one a file. Each has ``steps(spec)``: (name, what to time) in order.

``spec`` is a dict: ``url`` the upstream's base address, ``changed_url`` the same system after one record in a hundred
was edited, ``n`` records, ``page`` records a page (0: all in one answer), ``folder`` an empty folder to work in,
``again`` whether a second pull that takes minutes is wanted. What is timed returns a function that counts the records
its store holds then: ``n``, or the run is void. Imports and an empty schema are made before the clock starts; opening
connections, reading a WSDL and everything else counts.
"""

from collections.abc import Callable

Count = Callable[[], int]
Step = Callable[[], Count]
