import { EXIT_CONFIG, StartError } from '../start/errors.mjs';
import { makeImage } from './make-image.mjs';

export const UID_BASE = '1879048192';

/** The sandbox image of this version, with this host's /usr: made at each start, in a moment. */
export async function prepareImage({ socket, image }, say) {
  try {
    await makeImage({ socket, tag: image, uidBase: UID_BASE, usr: 'host', from: '/' });
  } catch (error) {
    const remedy = 'GOZO_DOCKER_SOCKET names it, and its group has to be yours';
    throw new StartError(
      `no image by the engine at ${socket}: ${error.message}; ${remedy}`,
      EXIT_CONFIG,
    );
  }
  say(`Made the image ${image}.`);
}
