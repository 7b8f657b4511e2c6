import { isIP } from 'node:net';
import { WEBHOOK_BOUNDS } from '@gozolite/contract/webhooks/webhook';
import type { Address, Guard } from './address.js';

export interface TargetRules {
  readonly guard: Guard;
  /** Whether http will do. */
  readonly http: boolean;
}

/** Why a text can't be a webhook's URL; undefined where it can, as far as it is known by itself. */
export function targetFault(text: string, { guard, http }: TargetRules): string | undefined {
  if (Buffer.byteLength(text) > WEBHOOK_BOUNDS.urlBytesMax) {
    return `It has at most ${WEBHOOK_BOUNDS.urlBytesMax} bytes.`;
  }
  if (!URL.canParse(text)) return 'It is no URL, as https://example.com/gozolite.';
  const url = new URL(text);
  if (url.protocol !== 'https:' && !(http && url.protocol === 'http:')) {
    const how = url.protocol === 'http:' ? ' (its operator may: GOZO_WEBHOOK_HTTP)' : '';
    return `This server sends webhooks over https only${how}.`;
  }
  if (url.username !== '' || url.password !== '') {
    return 'It may hold no user and password: the signature says who sends.';
  }
  if (url.hash !== '' || text.includes('#')) return 'It may have no fragment.';
  const host = hostOf(url);
  const known = addressOf(host);
  const wrong = known && guard.faultOf(known);
  return wrong === undefined ? undefined : `Nothing is sent to ${host}: ${wrong}.`;
}

/** What is known of a name before it is resolved: it is an address, or always this machine. */
function addressOf(host: string): Address | undefined {
  const family = isIP(host);
  if (family !== 0) return { address: host, family: family === 4 ? 4 : 6 };
  return isLocalhost(host) ? { address: '127.0.0.1', family: 4 } : undefined;
}

/** RFC 6761 §6.3: not a question for name servers. */
export function isLocalhost(host: string): boolean {
  return /(^|\.)localhost\.?$/i.test(host);
}

/** Without an IPv6 address's brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}
