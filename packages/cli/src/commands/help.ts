import { DEFAULT_URL } from '../connect.js';

/** What `gozo --help` shows below its commands. */
export const HELP = `
Examples:
  gozo run main.py                          run a file; the language by its name
  gozo run main.py helper.py -- -v data     more files, and arguments for the program
  echo 21 | gozo run double.js              standard input is passed on
  gozo run -l python -c 'print(21 * 2)'     a program without a file
  gozo run -l c - < main.c                  the program from standard input
  gozo run main.cpp -t 2s -m 64m            two seconds and 64 MiB at most
  gozo run plot.py -a '*.png' -o pictures   bring back the files that it made
  gozo run main.java --json                 the whole record
  gozo run --tty -l bash -c 'exec bash -i'  a shell to type at
  id=$(gozo submit main.py)                 have a server run it, and don't wait
  gozo executions wait $id                  its output, and its exit code

Which server:
  --url or GOZO_URL names one. Else the one on ${DEFAULT_URL} is used, if it runs.
  GOZO_KEY is the API key that is sent with it.
  Else, or with --local, a private launcher and engine serve this one call (needs root).

Exit codes of gozo run:
  the program's own, or 128+n where signal n ended it, or
   64  wrong usage, or a request that was refused
   65  the compiler refused the program
   69  no engine, no sandbox, too busy, or the toolchain is missing
   70  the engine failed
  124  time limit         137  memory limit        153  output limit
  130  cancelled`;
