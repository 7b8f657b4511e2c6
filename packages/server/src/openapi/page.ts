import { createHash } from 'node:crypto';
import type { OpenApiDocument, OpenApiOperation } from './document.js';

/** A page without scripts or anything from elsewhere; its policy allows its own style alone. */
export interface DocsPage {
  readonly html: string;
  /** Content-Security-Policy. */
  readonly policy: string;
}

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: #0a7d5c; }
@media (prefers-color-scheme: dark) { :root { --accent: #4fd1a5; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
code, pre { font: 0.9em/1.45 ui-monospace, monospace; }
pre { background: var(--soft); padding: .75rem; overflow-x: auto; border-radius: 6px; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); padding-bottom: .25rem; }
h3 code { font-size: 1.05em; } .method { color: var(--accent); font-weight: 700; }
table { border-collapse: collapse; width: 100%; display: block; overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0;
  border-bottom: 1px solid var(--line); }
a { color: var(--accent); }
`;

/** The OpenAPI document for people to read. */
export function renderDocs(document: OpenApiDocument): DocsPage {
  const { title, version, description } = document.info;
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const schemas = Object.entries(document.components.schemas);
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${text(title)} API</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head>
<body><header><h1>${text(title)} <small>${text(version)}</small></h1>
<p>${text(description)} The same for programs: <a href="/openapi.json">/openapi.json</a>.</p>
</header>
<main><h2 id="endpoints">Endpoints</h2>${operations.map(renderOperation).join('')}
<h2 id="schemas">Schemas</h2>${schemas.map(renderSchema).join('')}</main></body></html>`;
  const hash = createHash('sha256').update(STYLE).digest('base64');
  const forbidden = ['default-src', 'frame-ancestors', 'base-uri', 'form-action'];
  const policy = forbidden.map((what) => `${what} 'none'`).join('; ');
  return { html, policy: `${policy}; style-src 'sha256-${hash}'` };
}

interface NamedOperation {
  readonly path: string;
  readonly method: string;
  readonly operation: OpenApiOperation;
}

function renderOperation({ path, method, operation }: NamedOperation): string {
  const content = operation.requestBody?.content['application/json'];
  const responses = Object.entries(operation.responses).map(
    ([status, { description, content: answer = {} }]) =>
      `<tr><td><code>${text(status)}</code></td><td>${text(description)}</td><td>${Object.entries(
        answer,
      )
        .map(([type, media]) => `<code>${text(type)}</code> ${linkOf(memberOf(media, 'schema'))}`)
        .join('')}</td></tr>`,
  );
  const body =
    content === undefined
      ? ''
      : `<p>Body: ${linkOf(memberOf(content, 'schema'))}, for example</p>
<pre>${text(JSON.stringify(memberOf(content, 'example'), null, 2))}</pre>`;
  return `<section id="${text(operation.operationId)}"><h3><code><span class="method">${text(
    method.toUpperCase(),
  )}</span> ${text(path)}</code></h3><p>${text(operation.summary)} ${text(
    operation.description ?? '',
  )}</p>${body}<table><thead><tr><th>Status</th><th>Means</th><th>Body</th></tr></thead>
<tbody>${responses.join('')}</tbody></table></section>`;
}

function renderSchema([name, schema]: [string, unknown]): string {
  const required = memberOf(schema, 'required');
  const isRequired = (member: string): boolean =>
    Array.isArray(required) && required.includes(member);
  const rows = Object.entries(memberOf(schema, 'properties') ?? {}).map(
    ([member, each]) =>
      `<tr><td><code>${text(member)}${isRequired(member) ? '' : '?'}</code></td><td><code>${text(
        typeOf(each),
      )}</code></td><td>${text(String(memberOf(each, 'description') ?? ''))}</td></tr>`,
  );
  return `<section id="schema-${text(name)}"><h3>${text(name)}</h3><table>
<thead><tr><th>Member</th><th>Type</th><th>Means</th></tr></thead>
<tbody>${rows.join('')}</tbody></table></section>`;
}

/** A JSON Schema as a TypeScript reader would write its type. */
function typeOf(schema: unknown): string {
  const reference = memberOf(schema, '$ref');
  if (reference !== undefined) return nameOf(reference);
  const alternatives = memberOf(schema, 'anyOf');
  if (Array.isArray(alternatives)) return alternatives.map(typeOf).join(' | ');
  const value = memberOf(schema, 'const');
  if (value !== undefined) return JSON.stringify(value);
  const type = String(memberOf(schema, 'type') ?? 'any');
  if (type === 'array') return `(${typeOf(memberOf(schema, 'items'))})[]`;
  const members = Object.entries(memberOf(schema, 'properties') ?? {});
  if (type !== 'object') return type;
  if (members.length === 0) return '{ [name]: string }';
  return `{ ${members.map(([name, each]) => `${name}: ${typeOf(each)}`).join('; ')} }`;
}

function linkOf(schema: unknown): string {
  const name = nameOf(memberOf(schema, '$ref') ?? '');
  return name === '' ? '' : `<a href="#schema-${text(name)}">${text(name)}</a>`;
}

function nameOf(reference: unknown): string {
  return String(reference).replace(/^.*\//, '');
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}

function text(raw: string): string {
  return raw.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
