"""Whether the arms get the shares that were declared. Where they do not, nothing else can be believed.

A sequential multinomial test, by Lindon and Malek, "Anytime-Valid Inference For Multinomial Count Data"
(NeurIPS 2022), section 2: the Bayes factor of a Dirichlet prior around the declared shares against those
shares alone. It may be looked at after every count: the chance that it ever says so of true shares is
`alpha` at most (Ville's inequality).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

STRENGTH = 100.0
"""How closely the prior of the alternative lies around the declared shares: the sum of its parameters."""


class SampleRatio:
    """Counts each arm's keys, and says whether the counts contradict `shares`.

    Only shares among those in an arm count: `shares` are scaled to 1 together. `doubt` is the largest Bayes
    factor so far, as a logarithm.
    """

    def __init__(
        self,
        shares: Mapping[str, float],
        *,
        alpha: float = 0.001,
        counts: Mapping[str, int] | None = None,
        doubt: float = 0.0,
    ) -> None:
        """With `counts` and `doubt` it goes on from there: the factor is of the counts alone, in any order.

        Raises `ValueError` where fewer than two arms are given, or a share is not positive.
        """
        if len(shares) < 2 or any(share <= 0 for share in shares.values()):
            raise ValueError(f"expected a positive share for two arms or more, got {dict(shares)}")
        total = sum(shares.values())
        self._shares = {arm: share / total for arm, share in shares.items()}
        self._bound = math.log(1 / alpha)
        self.counts = dict.fromkeys(shares, 0) | dict(counts or {})
        self.doubt = max(doubt, self._factor_of_counts())

    def update(self, arm: str) -> None:
        """Count one key of `arm`. Raises `KeyError` for an arm that has no share."""
        self.counts[arm] += 1
        self.doubt = max(self.doubt, self._factor_of_counts())

    @property
    def p_value(self) -> float:
        """An anytime-valid p-value: the smallest chance at which the shares would have been doubted."""
        return math.exp(-self.doubt)

    @property
    def mismatch(self) -> bool:
        """Whether the declared shares are contradicted."""
        return self.doubt >= self._bound

    def _factor_of_counts(self) -> float:
        """Of the counts as they are, not step by step: equal counts give equal factors, to the last bit."""
        factor = math.lgamma(STRENGTH) - math.lgamma(STRENGTH + sum(self.counts.values()))
        for arm, share in self._shares.items():
            prior, seen = STRENGTH * share, self.counts[arm]
            factor += math.lgamma(prior + seen) - math.lgamma(prior) - seen * math.log(share)
        return factor
