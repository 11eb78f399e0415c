"""Image services over HTTP: OpenAI's images schema, and any other that a template describes (`template.Service`)."""
