import { type OutputForm, readForm } from '../../service/form.ts';
import type { Item, ServiceDescription } from '../../service/item.ts';
import { shape } from '../../service/shape.ts';
import { checkMediaType, jsonCall } from '../http/json-call.ts';
import type { RouteHandler } from '../http/route.ts';
import { describe } from '../jina/field-error.ts';
import { listToJson } from '../jina/response.ts';
import { shapedToJson } from '../jina/write-document.ts';
import type { Site } from '../site.ts';
import { bodyObject, type Embedded, embed, tokensOf } from './embed.ts';
import { isList, readInput } from './input.ts';
import { checkModel } from './model-name.ts';
import { ParameterError } from './parameter-error.ts';

interface EmbeddingsRequest {
  readonly items: readonly Item[];
  /** Where an item stands in the body. */
  readonly nameOf: (index: number) => string;
  readonly form: OutputForm;
}

/** `POST /v1/embeddings`. */
export function embeddings(site: Site): RouteHandler {
  return async (call) => {
    checkMediaType(call.request);
    return jsonCall(site, call, {
      parse: (body) => readEmbeddings(body, site.service.describe(), site.config.limits.itemsPerRequest),
      serve: ({ form, ...request }, life) =>
        embed(site, call, life, {
          ...request,
          print: (embedded) => print(embedded, form, site.service.describe().model),
        }),
    });
  };
}

/**
 * Vectors have length 1 unless `normalize` is false, as those of OpenAI have.
 *
 * @throws ParameterError, FormError; ClipError too_many_items
 */
function readEmbeddings(body: unknown, model: ServiceDescription, maxItems: number): EmbeddingsRequest {
  const given = bodyObject(body);
  checkModel(given.model, model);
  if (typeof (given.user ?? '') !== 'string')
    throw new ParameterError('user', `expected a string, got ${describe(given.user)}`);
  const normalise = given.normalize ?? given.normalise ?? true;
  const form = readForm({ ...given, normalize: normalise, normalise: given.normalise ?? normalise }, model);
  const { input } = given;
  const nameOf = (i: number) => (isList(input) ? `input[${i}]` : 'input');
  return { items: readInput(input, { maxItems, modality: readModality(given.modality) }), nameOf, form };
}

function readModality(modality: unknown): 'text' | 'image' | undefined {
  if (modality === undefined || modality === null) return undefined;
  if (modality === 'text' || modality === 'image') return modality;
  throw new ParameterError('modality', 'expected text or image, got another');
}

function print(embedded: readonly Embedded[], form: OutputForm, model: string): Promise<Buffer> {
  const tokens = tokensOf(embedded);
  const warnings = form.warning ? `,"warnings":${JSON.stringify([form.warning])}` : '';
  return listToJson(
    '{"object":"list","data":[',
    embedded,
    ({ vector }, i) => `{"object":"embedding","index":${i},"embedding":${shapedToJson(shape(vector, form))}}`,
    `],"model":${JSON.stringify(model)},"usage":{"prompt_tokens":${tokens},"total_tokens":${tokens}}${warnings}}`,
  );
}
