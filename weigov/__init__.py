"""Weigov (政微通): keeps WeChat Official Accounts in step with the systems a government already runs."""
