import { ServerCredentials } from '@grpc/grpc-js';
import { countLimit } from '../limit.ts';
import type { ListenerSite, Site, StartedListener } from '../site.ts';
import { ReceiveBudget } from './budget.ts';
import { Inflator } from './compression.ts';
import { TlsCredentials } from './credentials.ts';
import { dataMethods } from './data-methods.ts';
import { Dispatch } from './dispatch.ts';
import { healthMethods } from './health.ts';
import { Http2Listener } from './http2-listener.ts';
import type { Method } from './method.ts';
import { probeMethods } from './probe-methods.ts';
import { Descriptors } from './reflection/descriptors.ts';
import { reflectionMethods } from './reflection/reflection.ts';

/** As the reference lists them; the health of each can be asked for. */
const SERVICES = [
  'jina.JinaRPC',
  'jina.JinaSingleDataRequestRPC',
  'jina.JinaDataRequestRPC',
  'jina.JinaGatewayDryRunRPC',
  'jina.JinaDiscoverEndpointsRPC',
  'jina.JinaInfoRPC',
];
const REFLECTION = 'grpc.reflection.v1alpha.ServerReflection';

/**
 * The gRPC protocol on one listener of the configuration.
 *
 * @throws Error where the port cannot be used
 */
export async function startGrpc({ listener, certificates, ...site }: ListenerSite): Promise<StartedListener> {
  const { gateway, limits } = site.config;
  const closing = new AbortController();
  const health: Site['health'] = {
    ready: () =>
      closing.signal.aborted
        ? { ready: false, reasons: ['the server is shutting down'] }
        : site.health.ready(),
  };
  const open = { ...site, health };
  const methods = await methodsOf(open, closing.signal);
  const credentials = certificates && new TlsCredentials(certificates.current, limits.headerMs);
  const forget = credentials && certificates?.onChange((material) => credentials.update(material));
  const dispatch = new Dispatch(open, { methods, call: callOptions(open) });
  const server = new Http2Listener({
    grpc: gateway.grpc,
    limits,
    methods,
    credentials: credentials ?? ServerCredentials.createInsecure(),
    interceptor: dispatch.interceptor,
    log: site.log,
    onConnections: (change) => site.metrics.connections.inc({ protocol: 'grpc' }, change),
    onLimit: (limit) => countLimit(site.metrics, limit),
  });
  let closed: Promise<void> | undefined;
  const close = async (drainMs: number): Promise<void> => {
    forget?.();
    closing.abort();
    dispatch.drain();
    await server.close(drainMs);
    dispatch.close();
  };
  const port = await server.listen(gateway.host, listener.port).catch(async (error) => {
    await close(0);
    throw error;
  });
  return {
    protocol: 'grpc',
    address: { host: gateway.host, port, secure: certificates !== undefined },
    implementation: 'grpc-js',
    close: (drainMs) => {
      closed ??= close(drainMs);
      return closed;
    },
  };
}

async function methodsOf(site: Site, closing: AbortSignal): Promise<Method[]> {
  const { reflection } = site.config.gateway.grpc;
  const services = reflection ? [...SERVICES, REFLECTION] : SERVICES;
  return [
    ...dataMethods(site),
    ...probeMethods(site),
    ...healthMethods(site, services, closing),
    ...(reflection ? reflectionMethods(await Descriptors.load(), services) : []),
  ];
}

function callOptions({ config, metrics }: Site) {
  const { limits, gateway } = config;
  const { maxReceiveBytes = limits.requestBytes, maxSendBytes, compression } = gateway.grpc;
  const receiveBytes = Math.min(maxReceiveBytes, limits.requestBytes);
  return {
    receiveBytes,
    sendBytes: maxSendBytes,
    compression,
    budget: new ReceiveBudget(limits.receiveBytes, () => countLimit(metrics, 'receiveBytes')),
    inflator: new Inflator(receiveBytes),
  };
}
