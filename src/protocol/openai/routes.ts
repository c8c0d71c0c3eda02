import { faultStatuses, jsonContent, type Operation } from '../http/operation.ts';
import type { ApiRoute } from '../http/route.ts';
import type { Site } from '../site.ts';
import { embeddings } from './embeddings.ts';
import { openAiFault, openAiStatus } from './fault.ts';
import { listModels, MODEL_PREFIX, oneModel } from './models.ts';

/** What is served of OpenAI's API. */
export function openAiRoutes(site: Site): ApiRoute[] {
  const common = { tag: 'OpenAI', fault: 'OpenAiFault' } as const;
  const reading = [...faultStatuses('head', openAiStatus), 503];
  const model: Operation['parameters'] = [
    { name: 'model', in: 'path', description: 'Any name of the served model.', schema: { type: 'string' } },
  ];
  return [
    {
      path: '/v1/embeddings',
      methods: ['POST'],
      summary: 'Embed texts and pictures, as OpenAI’s API does.',
      operation: {
        ...common,
        body: 'EmbeddingsRequest',
        answers: { 200: jsonContent('EmbeddingsResponse') },
        faults: [...faultStatuses('items', openAiStatus), 404],
      },
      fault: openAiFault,
      serve: embeddings(site),
    },
    {
      path: '/v1/models',
      methods: ['GET'],
      summary: 'The model that is served.',
      operation: { ...common, answers: { 200: jsonContent('Models') }, faults: reading },
      fault: openAiFault,
      serve: listModels(site),
    },
    {
      path: `${MODEL_PREFIX}*`,
      methods: ['GET'],
      summary: 'The model of this name, where it is served.',
      operation: {
        ...common,
        path: `${MODEL_PREFIX}{model}`,
        parameters: model,
        answers: { 200: jsonContent('Model') },
        faults: [...reading, 404],
      },
      fault: openAiFault,
      serve: oneModel(site),
    },
  ];
}
