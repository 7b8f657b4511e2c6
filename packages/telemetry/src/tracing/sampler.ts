import { TraceFlags } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import type { TracingSettings } from './settings.js';

/** What is linked to a request is kept where that is: one tells little without the other. */
export function samplerOf(settings: TracingSettings): Sampler {
  const own = rootSampler(settings);
  const isByParent = settings.sampler.startsWith('parentbased_');
  const sampler = isByParent ? new ParentBasedSampler({ root: own }) : own;
  return {
    shouldSample: (...asked) => {
      const [, , , , , [link]] = asked;
      if (link === undefined) return sampler.shouldSample(...asked);
      const isKept = (link.context.traceFlags & TraceFlags.SAMPLED) !== 0;
      const { RECORD_AND_SAMPLED, NOT_RECORD } = SamplingDecision;
      return { decision: isKept ? RECORD_AND_SAMPLED : NOT_RECORD };
    },
    toString: () => sampler.toString(),
  };
}

function rootSampler({ sampler, ratio }: TracingSettings): Sampler {
  switch (sampler) {
    case 'always_on':
    case 'parentbased_always_on':
      return new AlwaysOnSampler();
    case 'always_off':
    case 'parentbased_always_off':
      return new AlwaysOffSampler();
    case 'traceidratio':
    case 'parentbased_traceidratio':
      return new TraceIdRatioBasedSampler(ratio);
  }
}
