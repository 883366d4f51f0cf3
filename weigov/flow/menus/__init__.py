"""An account's menu after it was composed: what stands in WeChat, how two menus differ, which versions there were.

A menu here is a delivery's payload: ``{"button": [...], "conditional": [{"for": {...}, "button": [...]}, ...]}``, the
second part only where there is one, its menus in the order in which the first that matches is shown. ``for`` has a
``tag`` (its name), a ``platform`` (ios, android, other), or what WeChat calls them: ``tag_id``,
``client_platform_type``.
"""
