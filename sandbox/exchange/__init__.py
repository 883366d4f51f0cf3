"""Two ways of handing over without a service: the exchange tables of a province, and a folder of TRS WCM's files.

Neither needs a server of ours: ``cases`` fills a database somebody else runs, ``wcm`` a folder. Their shapes are what
such exchanges really look like; who is in them is made up.
"""
