import { networkInterfaces } from 'node:os';
import type { Protocol } from '../config/config.ts';

export interface Banner {
  readonly origin: string;
  readonly host: string;
  readonly endpoints: readonly { protocol: Protocol; port: number; tls: boolean; implementation: string }[];
  readonly metricsPorts: readonly number[];
  readonly model: string;
  readonly width: number;
  readonly engine: string;
  readonly device: string;
  readonly replicas: number;
}

/** The start-up page: a rule that scripts look for ("ready to serve") and one panel per subject. */
export function banner(facts: Banner, terminal: boolean): string {
  const local = (port: number) => `${facts.host}:${port}`;
  const lan = privateAddress();
  const rows = facts.endpoints.flatMap(({ protocol, port, tls, implementation }) => [
    [tls ? '🔐' : '⛓', 'Protocol', `${protocol.toUpperCase()}${tls ? 'S' : ''} (${implementation})`],
    ['🏠', 'Local', local(port)],
    ...(lan && facts.host === '0.0.0.0' ? [['🔒', 'Private', `${lan}:${port}`]] : []),
  ]);
  const serving = [
    ['🧠', 'Model', `${facts.model} (${facts.width} wide)`],
    ['⚙', 'Engine', facts.engine],
    ['💻', 'Device', facts.device],
    ['🧵', 'Replicas', String(facts.replicas)],
    ['📄', 'Flow', facts.origin],
  ];
  const metrics = facts.metricsPorts.map((port) => ['📈', 'Metrics', `http://${local(port)}`]);
  const panels: [string, string[][]][] = [
    ['🔗 Endpoint', rows],
    ['💎 Model', serving],
  ];
  if (metrics.length > 0) panels.push(['💎 Prometheus extension', metrics]);
  const ready = '🎉 Flow is ready to serve!';
  if (!terminal) return `${ready}\n${panels.flatMap(([, lines]) => lines.map(plain)).join('\n')}\n`;
  return `${`── ${ready} `.padEnd(60, '─')}\n${panels.map(([title, lines]) => panel(title, lines)).join('')}`;
}

function plain([, name, value]: string[]): string {
  return `  ${name}: ${value}`;
}

function panel(title: string, rows: string[][]): string {
  const body = rows.map(([sign, name, value]) => `│ ${sign}\t${name!.padEnd(10)} ${value}`);
  return [`╭── ${title} `.padEnd(60, '─'), ...body, '╰'.padEnd(60, '─'), ''].join('\n');
}

function privateAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === 'IPv4' && !address.internal)?.address;
}
