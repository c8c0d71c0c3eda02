import { networkInterfaces } from 'node:os';
import type { Config } from '../config/config.ts';
import type { Server } from '../main.ts';

type Row = readonly [sign: string, name: string, value: string];
type Panel = readonly [title: string, rows: readonly Row[]];

/** The start-up page: a rule that scripts look for ("ready to serve") and one panel per subject. */
export function banner(config: Config, server: Server, terminal: boolean): string {
  const ready = '🎉 Flow is ready to serve!';
  const panels = panelsOf(config, server);
  if (!terminal)
    return `${[ready, ...panels.flatMap(([, rows]) => rows.map(([, name, value]) => `  ${name}: ${value}`))].join('\n')}\n`;
  return `${`── ${ready} `.padEnd(60, '─')}\n${panels.map(draw).join('')}`;
}

function panelsOf(config: Config, server: Server): Panel[] {
  const { model, width, runtime, precision, device } = server.description;
  const { host } = config.gateway;
  const endpoints = server.endpoints.flatMap(({ protocol, address, implementation }) => [
    [
      address.secure ? '🔐' : '📡',
      'Protocol',
      `${protocol.toUpperCase()}${address.secure ? 'S' : ''} (${implementation})`,
    ],
    ['🏠', 'Local', `${host}:${address.port}`],
    ...privateAddress(host).map((lan) => ['🔒', 'Private', `${lan}:${address.port}`]),
  ]) as Row[];
  const serving: Row[] = [
    ['🤖', 'Model', `${model} (${width} components)`],
    ['🔧', 'Engine', `${runtime === 'onnxruntime' ? 'ONNX Runtime' : runtime}, ${precision}`],
    ['💻', 'Device', device],
    ['🧵', 'Replicas', String(config.executor.replicas)],
    ['📄', 'Flow', config.origin],
  ];
  const documents = server.endpoints
    .filter(({ protocol }) => protocol !== 'grpc')
    .map(({ address: { secure, port } }): Row => {
      return ['💬', 'API', `${secure ? 'https' : 'http'}://${reachable(host)}:${port}/docs`];
    });
  const pages = config.gateway.playground ? server.endpoints : [];
  const playground = pages
    .filter(({ protocol }) => protocol === 'http')
    .map(({ address: { secure, port } }): Row => {
      return ['🎨', 'Playground', `${secure ? 'https' : 'http'}://${reachable(host)}:${port}`];
    });
  const metrics: Row[] = server.metricsPorts.map((port) => [
    '📈',
    'Metrics',
    `http://${reachable(host)}:${port}`,
  ]);
  const panels: Panel[] = [
    ['🔗 Endpoint', endpoints],
    ['💎 HTTP extension', [...playground, ...documents]],
    ['💎 Prometheus extension', metrics],
    ['🧠 Model', serving],
  ];
  return panels.filter(([, rows]) => rows.length > 0);
}

function draw([title, rows]: Panel): string {
  const body = rows.map(([sign, name, value]) => `│ ${sign}  ${name.padEnd(10)} ${value}`);
  return [`╭── ${title} `.padEnd(60, '─'), ...body, '╰'.padEnd(60, '─'), ''].join('\n');
}

/** 0.0.0.0 stands for every address of this machine, and leads nowhere in a browser. */
function reachable(host: string): string {
  return host === '0.0.0.0' ? 'localhost' : host;
}

function privateAddress(host: string): string[] {
  if (host !== '0.0.0.0') return [];
  const addresses = Object.values(networkInterfaces()).flat();
  const lan = addresses.find((address) => address?.family === 'IPv4' && !address.internal);
  return lan ? [lan.address] : [];
}
