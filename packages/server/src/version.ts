import manifest from '../package.json' with { type: 'json' };

/** Of GozoLite, as /capabilities and /healthz tell it. */
export const VERSION: string = manifest.version;
