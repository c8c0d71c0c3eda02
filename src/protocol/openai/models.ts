import type { ServiceDescription } from '../../service/item.ts';
import { jsonReply } from '../http/fault.ts';
import type { RouteHandler } from '../http/route.ts';
import type { Site } from '../site.ts';
import { checkModel } from './model-name.ts';

export const MODEL_PREFIX = '/v1/models/';

/** Seconds since 1970; a model has no better date than the server's start. */
const CREATED = Math.floor((Date.now() - performance.now()) / 1000);

/** `GET /v1/models`. */
export function listModels({ service }: Site): RouteHandler {
  return async (call) => {
    const body = { object: 'list', data: [modelOf(service.describe())] };
    return (await call.send(jsonReply(200, body))) ? 'ok' : 'cancelled';
  };
}

/** `GET /v1/models/NAME`; the slashes of a name may be written as they are. */
export function oneModel({ service }: Site): RouteHandler {
  return async (call) => {
    const description = service.describe();
    const written = call.request.path.slice(MODEL_PREFIX.length);
    checkModel(decoded(written) ?? written, description);
    return (await call.send(jsonReply(200, modelOf(description)))) ? 'ok' : 'cancelled';
  };
}

/** OpenAI's four keys, and what of a model its user must know. */
function modelOf({ model, width, contextLength, resolution }: ServiceDescription): object {
  return {
    id: model,
    object: 'model',
    created: CREATED,
    owned_by: 'clip-server',
    dimensions: width,
    context_length: contextLength,
    resolution,
  };
}

/** Undefined for a percent sign that stands for nothing. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
