import type { Subject } from './subject.js';
import { bare } from './subjects/bare.js';
import { docker } from './subjects/docker.js';
import { goJudge } from './subjects/go-judge.js';
import { gozolite } from './subjects/gozolite.js';
import { isolate } from './subjects/isolate.js';

export const USAGE = `Settings, all as environment variables:
  GOZO_URL       the server to measure (npm start)
  LANGUAGES      which programs, with commas between them
  ROUNDS         how many of each
  GO_JUDGE       address of a go-judge that runs, http://127.0.0.1:5050
  ISOLATE        path of an installed isolate
  DOCKER_IMAGE   an image with the same toolchains at the same paths, for docker run
`;

export const SETTINGS = {
  url: process.env.GOZO_URL ?? 'http://127.0.0.1:7070',
  languages: process.env.LANGUAGES,
  rounds: process.env.ROUNDS,
  goJudge: process.env.GO_JUDGE ?? '',
  isolate: process.env.ISOLATE ?? '',
  image: process.env.DOCKER_IMAGE ?? '',
};

/** All that are there, GozoLite first; a rival takes part where its address or path is given. */
export function subjects(connections: number): readonly Subject[] {
  return [
    gozolite(SETTINGS.url, connections),
    bare(),
    ...(SETTINGS.goJudge === '' ? [] : [goJudge(SETTINGS.goJudge, connections)]),
    ...(SETTINGS.isolate === '' ? [] : [isolate(SETTINGS.isolate)]),
    ...(SETTINGS.image === '' ? [] : [docker(SETTINGS.image)]),
  ];
}

export function number(text: string | undefined, fallback: number): number {
  const value = Number(text ?? fallback);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(USAGE);
  return value;
}
