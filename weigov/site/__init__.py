"""A site's YAML: its models, how it is loaded, how it is checked against what the systems offer."""
