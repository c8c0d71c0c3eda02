import { ClipError } from '../../errors.ts';
import { encodeEndpoints, encodeInfo } from '../jina/wire/info.ts';
import { encodeStatus } from '../jina/wire/status.ts';
import type { Site } from '../site.ts';
import { versions } from '../status.ts';
import { type Method, unary } from './method.ts';

/** Endpoints that encode or rank whatever the flow binds. */
const ENDPOINTS = ['/default', '/encode', '/index', '/rank', '/search'];

function dryRun({ health }: Site): Method {
  return unary('/jina.JinaGatewayDryRunRPC/dry_run', () => {
    const { ready, reasons } = health.ready();
    return encodeStatus(ready ? undefined : new ClipError('not_ready', reasons.join('; ')));
  });
}

/** What tools ask about the server. The requests are empty, and what is in them is not looked at. */
export function probeMethods(site: Site): Method[] {
  const { endpoints } = site.config.executor;
  return [
    { ...dryRun(site), open: true },
    unary('/jina.JinaInfoRPC/_status', () => encodeInfo(versions(site))),
    unary('/jina.JinaDiscoverEndpointsRPC/endpoint_discovery', () =>
      encodeEndpoints([...new Set([...ENDPOINTS, ...endpoints.keys()])].sort()),
    ),
  ];
}
