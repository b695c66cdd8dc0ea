"""The audit by canaries at every epsilon, with the product's sampler and with one that halves the noise."""

from tests.attacks.canaries import CANARIES, gaussian_bound, halved, plain_bound, play
from tests.benchmarks.leak_rows import DELTA, MULTIPLIERS, Json

RELEASES = 200


def measure(seed: int) -> list[Json]:
    """Lower bounds of epsilon with 95% confidence, beside what is claimed."""
    found: list[Json] = []
    for epsilon, multiplier in MULTIPLIERS.items():
        for sampler, sabotage in (("as it is", lambda spec: spec), ("noise halved", halved)):
            trials = play(multiplier, RELEASES, seed, sabotage=sabotage)
            bound = gaussian_bound(trials, DELTA)
            found.append(
                {
                    "claimed": epsilon,
                    "sampler": sampler,
                    "trials": RELEASES * CANARIES,
                    "lower_bound": bound,
                    "lower_bound_any_mechanism": plain_bound(trials, DELTA),
                    "caught": bound > epsilon,
                }
            )
    return found
