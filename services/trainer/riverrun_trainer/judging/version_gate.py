"""The statistical gate of one line: its windows, and the verdicts that follow from them (DECISIONS 26)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from msgspec import structs

from riverrun.core.errors import InvalidInput, NotReady
from riverrun.core.evaluation_report import EvaluationReport, GateReport
from riverrun.core.joining import JoinedExample
from riverrun.core.predictions import Features, Prediction
from riverrun.core.spec import ModelSpec
from riverrun.core.verdicts import Verdict
from riverrun.evaluation.gate.windows import Finding, Judged, Kind, Windows
from riverrun.evaluation.loss import Loss
from riverrun.learners.protocol import Predictor
from riverrun.runtime import metrics
from riverrun_trainer.judging.gate_evidence import GateEvidence, reason
from riverrun_trainer.judging.holdout_judge import COMPARED, HoldoutJudge
from riverrun_trainer.judging.rollback_watch import RollbackWatch


@dataclass(frozen=True, slots=True)
class Good:
    """A version that passed, what answers with it, and how many examples had been judged by then.

    `predictor` is None where nobody is compared with it.
    """

    version: int
    predictor: Predictor | None
    examples: int


class VersionGate:
    """Hears of examples, finds, and has verdicts to send; which version is which is told to it."""

    def __init__(self, spec: ModelSpec, holdout: HoldoutJudge | None = None) -> None:
        """With `holdout` the newest weights are compared on what it holds of old, too, where the spec says
        so.
        """
        gate = spec.gate
        self._holdout = holdout
        self._spec = gate
        self._loss = Loss(is_classifier=spec.is_classifier)
        self._goods: deque[Good] = deque(maxlen=2)
        self._windows = Windows(
            window=gate.window, margin=gate.margin, alpha=gate.alpha, patience_ns=int(gate.patience * 1e9)
        )
        self._evidence = GateEvidence()
        self._rollback = None if gate.rollback is None else RollbackWatch(spec, gate.rollback)
        # Why live is not where learning is; empty where all is well.
        self._episode = ""
        self._passing: Finding | None = None
        self._held_at = 0
        self._verdicts: deque[Verdict] = deque()
        self._last: Finding | None = None
        self._model = spec.name
        self._counts: dict[str, int] = {}

    @property
    def compares(self) -> bool:
        """Whether it needs the weights of good versions."""
        return self._spec.mode != "off"

    def take_passing(self) -> Finding | None:
        """What makes the version that is captured now a good one, None where it is none; see `passed`."""
        found, self._passing = self._passing, None
        return found

    def start(self, version: int, predictor: Predictor | None) -> None:
        """Compare with `version` from now on, the newest good one."""
        self._goods.append(Good(version, predictor, self._evidence.examples))

    def passed(self, found: Finding, version: int, predictor: Predictor | None) -> Verdict | None:
        """The verdict that `version` is good, which was captured when `take_passing` gave `found`.

        None where something was found since that says otherwise.
        """
        if self._held_at > found.examples:
            return None
        ended, self._episode = self._episode, ""
        self.start(version, predictor)
        if ended and self._rollback is not None:
            self._rollback.start_anew()
        metrics.GATE_HOLDS.labels(self._model).set(0)
        kind = f"gate.{found.kind.value}" if ended or found.kind is not Kind.PASSED else ""
        return Verdict(version, True, kind, reason(found), facts=self._evidence.facts(found))

    @property
    def has_verdicts(self) -> bool:
        """Whether `take_verdicts` has any."""
        return bool(self._verdicts)

    def take_verdicts(self, head: int) -> list[Verdict]:
        """What was found since the last call; `head` is the newest version that was pushed."""
        found = [replace(verdict, version=head) for verdict in self._verdicts]
        self._verdicts.clear()
        return found

    def score(self, joined: JoinedExample, newest: Prediction | None) -> None:
        """See `Scorer.score`."""
        if newest is None or not joined.origin.is_judged:
            return
        label = joined.example.label
        self._evidence.see(joined)
        good = self._goods[-1] if self._goods else None
        answer = None if good is None else _answer(good.predictor, joined.example.features)
        self._loss.see(label)
        if self._rollback is not None:
            unheld = newest if answer is None or not self._episode else answer
            live = joined.served.answer if joined.served is not None else unheld
            if self._rollback.update(label, live, newest):
                self._judge_live(self._rollback)
        if answer is None:
            return
        found = self._windows.update(
            label,
            Judged(answer, self._loss.of(label, answer)),
            Judged(newest, self._loss.of(label, newest)),
            joined.time_ns,
        )
        if found is not None:
            self._take(found)

    def told(self, report: EvaluationReport) -> EvaluationReport:
        """See `Reporter.told`."""
        good = self._goods[-1] if self._goods else None
        gate = GateReport(
            mode=self._spec.mode,
            state=self._episode or "open",
            good_version=good.version if good else 0,
            findings=dict(self._counts),
            last="" if self._last is None else self._last.kind.value,
            excess_loss=None if self._last is None else self._last.excess_loss,
            bound=None if self._rollback is None else self._rollback.value,
        )
        return structs.replace(report, gate=gate)

    def _take(self, found: Finding) -> None:
        self._last = found
        self._count(found.kind.value)
        good = self._goods[-1]
        match found.kind:
            case Kind.PASSED:
                if self._keeps_bound and not self._forgets():
                    self._passing = found
            case Kind.BELIEVED:
                self._passing = found
            case Kind.REFUSED if self._episode != "refused":
                reset = good.version if self._spec.on_refusal == "reset" else 0
                self._hold("refused", found, good, moves=self._spec.mode == "shadow", reset=reset)
            case Kind.CONTRADICTED:
                # What passed after it began has learned of it.
                while len(self._goods) > 1 and self._goods[-1].examples > found.since:
                    self._goods.pop()
                moves = self._spec.mode == "shadow" or good is not self._goods[-1]
                self._hold("contradicted", found, self._goods[-1], moves=moves)
            case Kind.CALMED:
                self._verdicts.append(
                    Verdict(0, False, "gate.calmed", reason(found), facts=self._evidence.facts(found))
                )

    def _forgets(self) -> bool:
        """Whether the newest weights do surely worse than the good version on the old examples of the
        holdout.
        """
        margin, holdout, good = self._spec.holdout_margin, self._holdout, self._goods[-1].predictor
        if margin is None or holdout is None or holdout.predict is None or good is None:
            return False
        least, mean = holdout.excess_loss(holdout.predict, good.predict, self._spec.alpha)
        if least <= margin:
            return False
        self._count("forgot")
        if self._episode != "forgot":
            at, good_version = self._evidence.examples, self._goods[-1]
            forgot = Finding(Kind.REFUSED, at, at, mean, min(COMPARED, at), 0, 0)
            self._hold("forgot", forgot, good_version, moves=self._spec.mode == "shadow")
        return True

    def _hold(self, episode: str, found: Finding, good: Good, *, moves: bool, reset: int = 0) -> None:
        """Live does not go on; with `moves` it is not at `good`, where it belongs."""
        self._begin(episode)
        verdict = Verdict(
            version=0,
            passed=False,
            kind=f"gate.{episode}",
            reason=reason(found),
            hold_version=good.version if moves else 0,
            reset_version=reset,
            facts=self._evidence.facts(found) | {"good_version": good.version},
        )
        self._verdicts.append(verdict)

    def _begin(self, episode: str) -> None:
        self._episode = episode
        self._passing = None
        self._held_at = self._evidence.examples
        metrics.GATE_HOLDS.labels(self._model).set(1)

    @property
    def _keeps_bound(self) -> bool:
        """Whether the newest weights keep the bound of live, for long enough where live was rolled back."""
        return self._rollback is None or self._rollback.is_kept_by_newest(for_long=bool(self._episode))

    def _judge_live(self, watch: RollbackWatch) -> None:
        """A window of what was answered ended."""
        judged, over = self._evidence.examples, watch.bound.over
        if not self._episode and watch.is_breached and self._goods:
            self._begin("rolled-back")
            self._count("rolled-back")
            labels = self._evidence.labels(judged - watch.bound.windows * over + 1)
            good = self._goods[0].version
            self._verdicts.append(
                Verdict(0, False, "live.rolled-back", watch.reason(), hold_version=good, facts=labels)
            )
        elif not self.compares and self._keeps_bound:
            self._passing = Finding(Kind.PASSED, judged, judged, 0.0, over, 0, 0)

    def _count(self, what: str) -> None:
        self._counts[what] = self._counts.get(what, 0) + 1
        metrics.GATE_FINDINGS.labels(self._model, what).inc()


def _answer(predictor: Predictor | None, features: Features) -> Prediction | None:
    if predictor is None:
        return None
    try:
        return predictor.predict(features)
    except (InvalidInput, NotReady):
        return None
