import { randomUUID } from 'node:crypto';
import { shape } from '../../service/shape.ts';
import { checkMediaType, jsonCall } from '../http/json-call.ts';
import type { RouteHandler } from '../http/route.ts';
import { listToJson } from '../jina/response.ts';
import { shapedToJson } from '../jina/write-document.ts';
import { type Embedded, embed, tokensOf } from '../openai/embed.ts';
import type { Site } from '../site.ts';
import { type CohereRequest, readRequest } from './request.ts';

/** `POST /v2/embed`. */
export function cohereEmbed(site: Site): RouteHandler {
  return async (call) => {
    checkMediaType(call.request);
    return jsonCall(site, call, {
      parse: (body) => readRequest(body, site.service.describe(), site.config.limits.itemsPerRequest),
      serve: (request, life) =>
        embed(site, call, life, { ...request, print: (embedded) => print(embedded, request) }),
    });
  };
}

async function print(embedded: readonly Embedded[], request: CohereRequest): Promise<Buffer> {
  const { items, forms, texts } = request;
  const parts: Uint8Array[] = [Buffer.from(`{"id":"${randomUUID()}","embeddings":{`)];
  for (const [i, { type, form }] of forms.entries()) {
    const head = `${i === 0 ? '' : ','}"${type}":[`;
    parts.push(await listToJson(head, embedded, ({ vector }) => shapedToJson(shape(vector, form)), ']'));
  }
  const warnings = [...new Set(forms.flatMap(({ form }) => form.warning ?? []))];
  const images = items.filter(({ kind }) => kind !== 'text').length;
  const meta = {
    api_version: { version: '2' },
    billed_units: { input_tokens: tokensOf(embedded), images },
    ...(warnings.length > 0 && { warnings }),
  };
  const rest = JSON.stringify({ ...(texts && { texts }), meta, response_type: 'embeddings_by_type' });
  return Buffer.concat([...parts, Buffer.from(`},${rest.slice(1)}`)]);
}
