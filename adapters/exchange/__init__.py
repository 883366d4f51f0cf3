"""Exchange tables (前置库) and exchange folders: systems that are not called but share a place with us."""
