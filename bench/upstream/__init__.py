"""The system that is read: articles of a government's site, over REST and over SOAP."""
