"""``/_sandbox/docs``: the control API's OpenAPI description as one plain page.

Our own, because the usual viewer is fetched from a public CDN and a government's network has none.
"""

import json
from typing import Any

from jinja2 import DictLoader, Environment

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{{ title }}</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
h2{margin-top:2rem;border-bottom:1px solid #ddd} code,pre{font:13px/1.4 ui-monospace,monospace}
pre{background:#f6f6f6;padding:.6rem;overflow:auto;margin:.3rem 0 0}
.op{margin:.8rem 0}.m{display:inline-block;min-width:4.2rem;font-weight:600;color:#07893f}
.p{color:#666;margin-left:4.4rem;font-size:13px}
</style>
<h1>{{ title }}</h1>
<p>JSON in, JSON out, loopback only. For machines: <a href="openapi.json">openapi.json</a>.</p>
{% for tag, operations in groups.items() %}<h2>{{ tag }}</h2>
{% for op in operations %}<div class="op"><span class="m">{{ op.method }}</span><code>/_sandbox{{ op.path }}</code>
<div class="p">{{ op.summary }}{% for p in op.parameters %}<br><code>{{ p.name }}</code> {{ p.text }}{% endfor %}
{% if op.body %}<pre>{{ op.body }}</pre>{% endif %}</div></div>
{% endfor %}{% endfor %}</html>"""

_TEMPLATES = Environment(loader=DictLoader({"docs": _PAGE}), autoescape=True)


def render_docs(openapi: dict[str, Any]) -> str:
    groups: dict[str, list[dict[str, Any]]] = {}
    schemas = openapi.get("components", {}).get("schemas", {})
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            tag = operation.get("tags", ["sandbox"])[0]
            groups.setdefault(tag, []).append(_describe(path, method, operation, schemas))
    return _TEMPLATES.get_template("docs").render(title=openapi["info"]["title"], groups=groups)


def _describe(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema")
    parameters = [
        {"name": p["name"], "text": p.get("description") or p.get("schema", {}).get("type", "")}
        for p in operation.get("parameters", [])
    ]
    return {
        "method": method.upper(),
        "path": path,
        "summary": operation.get("summary", ""),
        "parameters": parameters,
        "body": json.dumps(_example(schema, schemas), ensure_ascii=False, indent=1) if schema else "",
    }


def _example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """The shape of a body in one glance: field names with their type, or the allowed words."""
    if "$ref" in schema:
        return _example(schemas[schema["$ref"].rsplit("/", 1)[-1]], schemas)
    if "properties" in schema:
        return {name: _example(part, schemas) for name, part in schema["properties"].items()}
    if "enum" in schema:
        return " | ".join(str(word) for word in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(str(_example(part, schemas)) for part in schema["anyOf"])
    if schema.get("type") == "array":
        return [_example(schema.get("items", {}), schemas)]
    kind = schema.get("type", "any")
    return f"{kind}: {schema['description']}" if "description" in schema else kind
