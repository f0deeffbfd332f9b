"""Plays a person at a terminal: beginning.py PROGRAM QUESTION=ANSWER... -- ARGUMENT...

Starts the program on a pseudo-terminal, and answers each question when it is asked; a question that does not come ends the play.
Prints what stood on the terminal, and ends as the program did.
"""

import os
import pty
import select
import sys
import time

PATIENCE_S = 100


def main():
    split = sys.argv.index("--")
    answers = [answer.split("=", 1) for answer in sys.argv[2:split]]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.argv[1], [sys.argv[1], *sys.argv[split + 1 :]])
    shown, seen, end = "", 0, time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if answers and answers[0][0] in shown[seen:] and shown.endswith("> "):
            seen = len(shown)
            os.write(terminal, (answers.pop(0)[1] + "\n").encode())
        if select.select([terminal], [], [], 1)[0]:
            try:
                data = os.read(terminal, 4096)
            except OSError:  # the program has ended
                break
            if not data:
                break
            shown += data.decode("utf-8", "replace")
    print(shown)
    if answers:
        print(f"never asked: {answers}")
        os.kill(pid, 9)
    _, status = os.waitpid(pid, 0)
    sys.exit(99 if answers else os.waitstatus_to_exitcode(status))


main()
