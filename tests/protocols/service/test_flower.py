"""What both couriers share of Flower's processes."""

import subprocess

from protocols.service import flower

SCRIPT = """
import gc, sys, time, weakref

class Held:
    pass

gc.disable()
one = Held()
one.itself = one
seen = weakref.ref(one)
while not gc.get_freeze_count():  # what comes after the freeze is whatever a process does once it is up
    time.sleep(0.02)
two = Held()
two.itself, seen = two, weakref.ref(two)
del one, two
end = time.monotonic() + 30
while seen() is not None and time.monotonic() < end:
    time.sleep(0.02)
print(seen(), *sys.argv[1:])
"""


def test_a_collecting_process_runs_the_command_and_frees_its_cycles(tmp_path, monkeypatch):
    script = tmp_path / "flower-anything"
    script.write_text(SCRIPT)
    quick = flower.COLLECTING.replace("Timer(10,", "Timer(0.1,").replace("sleep(5)", "sleep(0.1)")
    monkeypatch.setattr(flower, "COLLECTING", quick)
    monkeypatch.setattr(flower, "entry_point", lambda name: str(tmp_path / name))
    words = (*flower.collecting("flower-anything"), "--host", "127.0.0.1")
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["None", "--host", "127.0.0.1"]
