import type { Site } from '../site.ts';
import type { ApiRoute } from './route.ts';

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}' +
  'td{padding:.2rem 1rem .2rem 0;vertical-align:top}pre{background:#8881;padding:1rem;overflow:auto}';
const EXAMPLE = `curl -s -X POST http://HOST:PORT/encode -H 'content-type: application/json' \\
  -d '{"data":[{"text":"a red apple"},{"uri":"data:image/png;base64,…"}]}'`;

/** A page that lists the routes. It loads nothing. */
export function docsPage({ config }: Pick<Site, 'config'>, routes: readonly ApiRoute[]): string {
  const { title, description } = config.gateway;
  const rows = routes.map(
    ({ path, methods, summary }) =>
      `<tr><td><code>${escapeHtml(methods.join(', '))}</code></td><td><code>${escapeHtml(path)}</code></td>` +
      `<td>${escapeHtml(summary)}</td></tr>`,
  );
  const example = routes.some(({ path }) => path === '/encode') ? `<pre>${escapeHtml(EXAMPLE)}</pre>` : '';
  return (
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title>` +
    `<style>${STYLE}</style></head><body><h1>${escapeHtml(title)}</h1><p>${escapeHtml(description)}</p>` +
    `<table>${rows.join('')}</table>${example}` +
    '<p>The same as <a href="/openapi.json">OpenAPI</a>.</p></body></html>'
  );
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
