"""The one door to OR-tools' CP-SAT: whole-number programs, solved exactly and the same way each time.

One worker, a fixed seed, and limits in the solver's own *deterministic seconds*, which count work and not the clock:
the same program has the same answer on a slow machine and on a fast one. Importing this module takes about a second;
import it where a program is solved.

Source: OR-tools 9.15, ``sat_parameters.proto``; ADR 10.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ortools.sat.python import cp_model

from courses.programme.results import EffortSpentError

Variable = int
Terms = Iterable[tuple[Variable, int]]
"""Variables with their coefficients."""

ENOUGH_EFFORT = 30.0
"""Deterministic seconds; programs of our size are rarely near it."""


@dataclass(frozen=True, slots=True)
class Solution:
    """Values of a program's variables."""

    values: tuple[int, ...]
    objective: int
    bound: int
    """No solution has a smaller objective; equal to it where the optimum is proven."""

    @property
    def is_proven(self) -> bool:
        """Tell whether no better solution exists."""
        return self.bound >= self.objective


class Program:
    """Variables, linear constraints, and an objective to make small."""

    def __init__(self) -> None:
        self._model = cp_model.CpModel()
        self._variables: list[cp_model.IntVar] = []

    def flag(self) -> Variable:
        """Add a variable that is 0 or 1."""
        return self.number(0, 1)

    def number(self, low: int, high: int) -> Variable:
        """Add a variable within the limits."""
        self._variables.append(self._model.new_int_var(low, high, ""))
        return len(self._variables) - 1

    def at_least(self, terms: Terms, bound: int, only_if: Variable | None = None) -> None:
        """Ask that the sum is not below the bound; with ``only_if``, only where that flag is 1."""
        constraint = self._model.add(self._sum(terms) >= bound)
        if only_if is not None:
            constraint.only_enforce_if(self._variables[only_if])

    def at_most(self, terms: Terms, bound: int, only_if: Variable | None = None) -> None:
        """Ask that the sum is not above the bound; with ``only_if``, only where that flag is 1."""
        self.at_least([(variable, -factor) for variable, factor in terms], -bound, only_if)

    def exactly(self, terms: Terms, value: int) -> None:
        """Ask that the sum has the value."""
        self._model.add(self._sum(terms) == value)

    def solve(
        self, minimise: Terms = (), hint: Mapping[Variable, int] | None = None, effort: float = ENOUGH_EFFORT
    ) -> Solution | None:
        """Return a solution with the smallest sum, or the best found within the effort; None where there is none.

        Raises:
            EffortSpentError: the effort did not suffice for a first solution.
        """
        terms = list(minimise)
        self._model.clear_objective()
        self._model.clear_hints()
        if terms:
            self._model.minimize(self._sum(terms))
        for variable, value in (hint or {}).items():
            self._model.add_hint(self._variables[variable], value)
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 1
        solver.parameters.max_deterministic_time = effort
        status = solver.solve(self._model)
        if status == cp_model.INFEASIBLE:
            return None
        if status not in {cp_model.OPTIMAL, cp_model.FEASIBLE}:
            raise EffortSpentError(status.name)
        values = tuple(map(solver.value, self._variables))
        if not terms:
            return Solution(values, 0, 0)
        return Solution(values, round(solver.objective_value), _rounded_up(solver.best_objective_bound))

    def solve_exactly(
        self, minimise: Terms = (), hint: Mapping[Variable, int] | None = None, effort: float = ENOUGH_EFFORT
    ) -> Solution | None:
        """Return a solution with the smallest sum; None where there is none.

        Raises:
            EffortSpentError: the effort did not suffice for the proof.
        """
        solution = self.solve(minimise, hint, effort)
        if solution is not None and not solution.is_proven:
            raise EffortSpentError("not proven")
        return solution

    def _sum(self, terms: Terms) -> cp_model.LinearExprT:
        pairs = list(terms)
        return cp_model.LinearExpr.weighted_sum(
            [self._variables[variable] for variable, _factor in pairs], [factor for _variable, factor in pairs]
        )


def _rounded_up(bound: float) -> int:
    """Return the smallest whole number that is not below a bound, which the solver gives as a float."""
    return -int(-(bound - 1e-6) // 1)
