"""SOAP: WSDLs read and mended, envelopes built from them. Answers are ``adapters.decode``'s, like any others."""
