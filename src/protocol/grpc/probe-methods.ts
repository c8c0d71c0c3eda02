import { ClipError } from '../../errors.ts';
import { encodeEndpoints, encodeInfo } from '../jina/wire/info.ts';
import { encodeStatus } from '../jina/wire/status.ts';
import type { Site } from '../site.ts';
import { versions } from '../status.ts';
import { type Method, unary } from './method.ts';

/** Endpoints that encode or rank whatever the flow binds. */
const ENDPOINTS = ['/default', '/encode', '/index', '/rank', '/search'];

/** What tools ask about the server. The requests are empty, and what is in them is not looked at. */
export function probeMethods(site: Site): Method[] {
  const { endpoints } = site.config.executor;
  return [
    unary('/jina.JinaGatewayDryRunRPC/dry_run', () => {
      const { ready, reasons } = site.health.ready();
      return encodeStatus(ready ? undefined : new ClipError('not_ready', reasons.join('; ')));
    }),
    unary('/jina.JinaInfoRPC/_status', () => encodeInfo(versions(site))),
    unary('/jina.JinaDiscoverEndpointsRPC/endpoint_discovery', () =>
      encodeEndpoints([...new Set([...ENDPOINTS, ...endpoints.keys()])].sort()),
    ),
  ];
}
