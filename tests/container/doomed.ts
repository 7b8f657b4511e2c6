import { createContainerBackend } from '@gozolite/sandbox/backends/container/container-backend';

/** A server that is killed while a program runs: it says so, and then waits for that. */
const [socketPath = '', image = '', folder = '', id = ''] = process.argv.slice(2);
const limits = {
  ...{ wall_time_ms: 60_000, cpu_time_ms: 10_000, memory_kb: 64 * 1024, stack_kb: 8192, cpus: 1 },
  ...{ output_kb: 64, disk_kb: 8192, file_kb: 4096, processes: 32, open_files: 64 },
};
if (socketPath !== '') {
  const backend = createContainerBackend({ socketPath, image, runtime: '', folder });
  await backend.run(
    {
      id,
      recipe: { digest: '', rootfs: 'host', command: ['/bin/sh', '-c'], env: { MARK: id } },
      args: ['(sleep 60 &) ; echo up; sleep 60'],
      ...{ env: {}, limits, files: [], stdin: new Uint8Array() },
      ...{ keepOutput: false, artifacts: [] },
    },
    {
      signal: new AbortController().signal,
      onOutput: () => process.stdout.write('up\n'),
    },
  );
}
