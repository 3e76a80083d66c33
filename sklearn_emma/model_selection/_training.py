"""The training of all candidates of a search, which asks for one after another."""

from __future__ import annotations

from collections.abc import Iterator

from joblib import effective_n_jobs, parallel_config
from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel, delayed

from sklearn_emma.model_selection._fitting import Outcome, Split, Work, fit_group
from sklearn_emma.model_selection._groups import Candidate, group_candidates, share_out
from sklearn_emma.model_selection._scoring import Scores

# Number of candidates trained, and held in memory, before the first is handed out.
_BLOCK = 512


class Training:
    """The training of candidates on every split, as a search wants it.

    Parameters
    ----------
    work : Work
        What is done with each candidate.
    splits : list of (ndarray, ndarray)
        Training and test rows of each.
    n_jobs, pre_dispatch : int, str or None
        For joblib.

    Attributes
    ----------
    scores : list of dict
        Of the outcome that was asked for last; empty if it has none.
    times : dict of str to list of float
        Seconds of ``"fit"`` and ``"score"`` of all outcomes that were asked for.
    """

    def __init__(
        self,
        work: Work,
        splits: list[Split],
        *,
        n_jobs: int | None,
        pre_dispatch: int | str,
    ) -> None:
        self.work, self.splits = work, splits
        self.n_jobs, self.pre_dispatch = n_jobs, pre_dispatch
        # When the first candidate is asked for, another backend is active.
        self.backend = get_active_backend()
        self.scores: list[Scores] = []
        self.times: dict[str, list[float]] = {"fit": [], "score": []}

    def run(self, candidates: list[Candidate]) -> Iterator[Outcome]:
        """Yield every candidate on every split, splits varying fastest.

        A block of candidates is trained when the first of them is asked for.
        """
        for start in range(0, len(candidates), _BLOCK):
            block = candidates[start : start + _BLOCK]
            found = self._train(block)
            for key in sorted(found):
                outcome = found.pop(key)
                self.scores = [dict(scores) for scores in outcome.scores]
                self.times["fit"].append(outcome.fit_time)
                self.times["score"].append(outcome.score_time)
                yield outcome

    def _train(self, block: list[Candidate]) -> dict[tuple[int, int], Outcome]:
        """Outcomes by the numbers of candidate and split."""
        backend, n_jobs = self.backend
        with parallel_config(backend=backend, n_jobs=n_jobs):
            tasks = share_out(
                group_candidates(self.work.estimator, block),
                len(self.splits),
                effective_n_jobs(self.n_jobs),
            )
            done = Parallel(n_jobs=self.n_jobs, pre_dispatch=self.pre_dispatch)(
                delayed(fit_group)(
                    self.work, [block[number] for number in group], self.splits[split]
                )
                for group, split in tasks
            )
        return {
            (number, split): outcome
            for (group, split), outcomes in zip(tasks, done, strict=True)
            for number, outcome in zip(group, outcomes, strict=True)
        }
