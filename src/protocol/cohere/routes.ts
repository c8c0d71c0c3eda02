import { faultStatuses, jsonContent } from '../http/operation.ts';
import type { ApiRoute } from '../http/route.ts';
import { openAiStatus } from '../openai/fault.ts';
import type { Site } from '../site.ts';
import { cohereEmbed } from './embed.ts';
import { cohereFault } from './fault.ts';

/** What is served of Cohere's API. */
export function cohereRoutes(site: Site): ApiRoute[] {
  return [
    {
      path: '/v2/embed',
      methods: ['POST'],
      summary: 'Embed texts or pictures, as Cohere’s API does.',
      operation: {
        tag: 'Cohere',
        body: 'EmbedRequest',
        answers: { 200: jsonContent('EmbedResponse') },
        fault: 'CohereFault',
        faults: [...faultStatuses('items', openAiStatus), 404],
      },
      fault: cohereFault,
      serve: cohereEmbed(site),
    },
  ];
}
