import { type Agent, request } from 'node:http';

/** Rejects for every status but 200. */
export function post(url: string, body: Buffer, agent: Agent): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const call = request(url, { method: 'POST', agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        if (response.statusCode === 200) resolve(Buffer.concat(chunks));
        else reject(new Error(`${response.statusCode}: ${Buffer.concat(chunks).toString().slice(0, 300)}`));
      });
    });
    call.on('error', reject);
    call.end(body);
  });
}
