"""One Official Account, spoken to by the rulebook. Imports only ports, records and errors.

account      who we are to WeChat
errcodes     what every errcode means for a call
protocol     bytes of an answer → a value or one typed error
rules        what WeChat would refuse, found before anything is sent
transport    carries bytes, and knows whether the first one left
token        one access token, shared by all workers
client       one method per call, on wechatpy
media        images as WeChat takes them
crypto       signatures and the envelope of callbacks
callback     what a callback says
"""
