"""Which modules are mutated, and the tests that are to notice: for each the quick ones that are nearest to it."""

from __future__ import annotations

VALUE = ["tests/engine/test_value.py"]
BACKPROP = ["tests/engine/test_graph.py", "tests/engine/test_backprop.py"]
CALLS = [
    "tests/engine/test_ops.py::test_several_operands_or_one_list",
    "tests/engine/test_ops.py::test_named_operands_and_defaults",
    "tests/engine/test_ops.py::test_every_entry_is_complete",
]
LOSSES = ["tests/nn/losses"]
OPTIMISERS = ["tests/nn/optimisers"]
GIVEN = [f"tests/engine/compiler/faithful/test_{name}.py" for name in ("arithmetic", "identities")]
TRIALS = ["tests/engine/compiler/comparison/test_trials.py", "tests/engine/compiler/comparison/test_selfcheck.py"]
FIT = {
    name: f"tests/nn/training/fit/test_{name}.py" for name in ("callbacks", "dropout", "endings", "patience", "rates")
}
EPOCHS = [*(f"tests/nn/training/test_{name}.py" for name in ("loop", "progress", "reach")), *FIT.values()]
VALIDATED = [
    f"tests/nn/training/fit/test_{name}.py" for name in ("validation", "validation_metrics", "validated_losses")
]
CHANGES = [f"tests/nn/training/changes/test_{name}.py" for name in ("between_steps", "far_away", "parameters_in_place")]
WEIGHTED, ASKED_FOR = (f"tests/nn/training/fit/test_{name}.py" for name in ("labels_and_weights", "what_is_asked_for"))
CHECKPOINTS = [f"tests/nn/checkpoints/test_{name}.py" for name in ("json", "structure", "resuming")]
USERS = ["tests/nn/training/test_what_users_give.py"]
MANY = [f"tests/nn/many/test_{name}.py" for name in ("rows", "reads", "structures", "interruptions")]

SLOW = "not million and not without_end and not hash_seed and not ctrl_c"  # these would see no more than the others

TESTS: dict[str, list[str]] = {
    "engine/process/collector.py": ["engine/process/collector.py", "tests/engine/test_threads.py"],
    "engine/ops.py": ["tests/engine/test_ops.py"],
    "engine/primitive.py": ["engine/primitive.py", "tests/engine/test_declarations.py", *BACKPROP, *CALLS],
    "engine/value.py": ["engine/value.py", *VALUE, "tests/engine/test_modes.py", *BACKPROP],
    "engine/operators.py": ["engine/operators.py", *VALUE, "tests/engine/test_affine.py", *BACKPROP],
    "engine/modes.py": ["engine/modes.py", "tests/engine/test_modes.py", *VALUE, "tests/engine/test_functional.py"],
    "engine/functional.py": [
        "engine/functional.py",
        "tests/engine/test_functional.py",
        *BACKPROP,
        "tests/engine/text/test_elsewhere.py",
    ],
    "engine/graph.py": ["engine/graph.py", "tests/engine/test_changed_leaves.py", *BACKPROP],
    "engine/compiler/calls/changing.py": [
        "engine/compiler/calls/changing.py",
        "tests/engine/compiler/faithful/test_changes_of_data.py",
    ],
    "engine/compiler/frontend/given/arithmetic.py": GIVEN,
    "engine/compiler/frontend/given/rows.py": [
        "engine/compiler/frontend/given/rows.py",
        "tests/nn/training/test_rows_of_samples.py",
        "tests/engine/compiler/frontend/test_trace.py",
    ],
    "engine/compiler/frontend/given/truth_tests.py": ["tests/engine/compiler/frontend/test_truth_tests.py"],
    "engine/compiler/frontend/given/types.py": ["engine/compiler/frontend/given/types.py", *GIVEN],
    "engine/compiler/frontend/reads/moved.py": ["tests/engine/compiler/faithful/test_moving.py"],
    "engine/pullbacks.py": ["tests/engine/test_pullbacks.py", "tests/engine/test_affine.py", *BACKPROP],
    "engine/backprop.py": [
        "engine/backprop.py",
        *BACKPROP,
        "tests/engine/test_functional.py",
        "tests/engine/test_threads.py",
        *VALUE,
    ],
    "engine/stepping/paths.py": ["engine/stepping/paths.py", "tests/engine/stepping/test_paths.py"],
    "engine/checking/kinks.py": ["engine/checking/kinks.py", "tests/engine/checking/test_kinks.py"],
    "engine/checking/estimates/differences.py": [
        "engine/checking/estimates/differences.py",
        "tests/engine/checking/estimates/test_differences.py",
        "tests/engine/checking/estimates/test_noise.py",
        "tests/engine/checking/estimates/test_verdicts.py",
        "tests/engine/checking/test_blackbox.py",
    ],
    "engine/checking/estimates/noise.py": [
        "tests/engine/checking/estimates/test_noise.py",
        "tests/engine/checking/estimates/test_second_look.py",
        "tests/engine/checking/test_claims.py",
    ],
    "nn/attributes.py": ["tests/nn/test_attributes.py"],
    "nn/layers/ending.py": [*LOSSES, "tests/nn/evaluation/test_meaning.py"],
    "nn/losses/activated.py": LOSSES,
    "nn/losses/binary.py": LOSSES,
    "nn/losses/classes.py": LOSSES,
    "nn/losses/labels.py": LOSSES,
    "nn/losses/named.py": LOSSES,
    "nn/losses/places.py": LOSSES,
    "nn/losses/reduction.py": LOSSES,
    "nn/losses/regression.py": LOSSES,
    "nn/losses/remarks.py": LOSSES,
    "nn/losses/weighted.py": ["nn/losses/weighted.py", WEIGHTED],
    "nn/optimisers/adam.py": OPTIMISERS,
    "nn/optimisers/base.py": OPTIMISERS,
    "nn/optimisers/clipping.py": ["nn/optimisers/clipping.py", *OPTIMISERS],
    "nn/optimisers/declaration.py": OPTIMISERS,
    "nn/optimisers/sgd.py": OPTIMISERS,
    "nn/training/curves.py": ["nn/training/curves.py", "tests/nn/training/fit/test_history.py"],
    "nn/training/epochs/choice.py": EPOCHS,
    "nn/training/epochs/compiled.py": EPOCHS,
    "nn/training/epochs/eager.py": EPOCHS,
    "nn/training/history.py": ["nn/training/history.py", "tests/nn/training/fit/test_history.py"],
    "nn/training/mistakes/idle.py": ["tests/nn/training/test_what_users_give.py", FIT["rates"]],
    "nn/training/mistakes/ownership.py": [
        "tests/nn/training/test_ownership.py",
        "tests/nn/training/test_kept_results.py",
    ],
    "nn/training/mistakes/reach.py": ["tests/nn/training/test_reach.py"],
    "nn/training/mistakes/running.py": [FIT["patience"]],
    "nn/training/mistakes/targets.py": [ASKED_FOR],
    "nn/training/loop.py": [*EPOCHS, *VALIDATED, "tests/nn/training/fit/test_history.py"],
    "nn/training/patience.py": [FIT["patience"]],
    "nn/training/rows.py": [FIT["callbacks"], WEIGHTED],
    "nn/training/validation.py": [FIT["patience"], *VALIDATED],
    "nn/training/weighting.py": [
        "nn/training/weighting.py",
        WEIGHTED,
        ASKED_FOR,
    ],
    "nn/training/trainer/described_watch.py": ["tests/nn/training/test_kept.py", FIT["callbacks"]],
    "nn/training/trainer/model_watch.py": CHANGES,
    "nn/training/trainer/sample_loss.py": [
        f"tests/nn/training/test_{name}.py" for name in ("sample_loss", "types_of_numbers", "selected_losses", "loop")
    ],
    "nn/training/trainer/ways.py": [
        CHANGES[0],
        *(f"tests/nn/training/changes/test_{name}.py" for name in ("optimisers_of_ones_own", "not_finite")),
    ],
    "nn/evaluation/means.py": VALIDATED,
    "engine/compiler/backends/llvm/runtime/shuffle.py": ["tests/engine/compiler/backends/llvm/test_shuffle.py"],
    "engine/compiler/backends/llvm/runtime/underflow.py": ["tests/engine/compiler/backends/llvm/test_underflow.py"],
    "nn/training/resuming.py": [
        "nn/training/resuming.py",
        "tests/nn/checkpoints/test_resuming.py",
        "tests/nn/training/fit/test_endings.py",
        "tests/nn/training/test_ownership.py",
    ],
    "nn/checkpoints/changes.py": ["nn/checkpoints/changes.py", *CHECKPOINTS],
    "nn/checkpoints/files.py": [*CHECKPOINTS, "tests/nn/training/test_threads.py"],
    "nn/checkpoints/state.py": CHECKPOINTS,
    "nn/checkpoints/tensors.py": CHECKPOINTS,
    "nn/evaluation/labels.py": [
        "nn/evaluation/labels.py",
        "tests/nn/evaluation/test_labels_of_arrays.py",
        "tests/nn/evaluation/test_names_of_classes.py",
        "tests/nn/data/test_strata.py",
        WEIGHTED,
    ],
    "nn/evaluation/rules.py": [
        "nn/evaluation/rules.py",
        "tests/nn/evaluation/test_rules.py",
        "tests/nn/evaluation/test_meaning.py",
        *USERS,
    ],
    "nn/training/batch_loss.py": USERS,
    "nn/training/steps.py": [*USERS, "tests/nn/training/test_ownership.py", "tests/nn/training/test_kept_results.py"],
    "engine/compiler/training/custody.py": [
        "tests/nn/training/test_gradients_left.py",
        "tests/nn/training/test_lent.py",
        "tests/nn/training/test_compiled.py",
    ],
    "nn/evaluation/broadcasting.py": ["tests/nn/training/test_what_users_give.py"],
    "nn/training/checks.py": [ASKED_FOR, "tests/nn/training/test_ownership.py"],
    "engine/compiler/frontend/catching.py": ["tests/engine/compiler/frontend/test_catching.py"],
    "engine/compiler/comparison/selfcheck.py": [
        "tests/engine/compiler/comparison/test_selfcheck.py",
        "tests/engine/compiler/comparison/test_leaf_gradient.py",
    ],
    "engine/compiler/comparison/leaf_gradient.py": [
        "engine/compiler/comparison/leaf_gradient.py",
        "tests/engine/compiler/comparison/test_leaf_gradient.py",
    ],
    "engine/compiler/comparison/single.py": [*TRIALS, "tests/engine/compiler/comparison/test_single.py"],
    "engine/compiler/comparison/templates.py": [*TRIALS, "tests/engine/compiler/test_table.py"],
    "engine/compiler/comparison/trials.py": ["engine/compiler/comparison/trials.py", *TRIALS],
    "nn/many/executors.py": ["tests/nn/many/test_executors.py"],
    "nn/many/program.py": MANY,
    "nn/many/structure.py": ["tests/nn/many/test_structures.py", *MANY],
    "nn/many/table.py": ["nn/many/table.py", *MANY, "tests/nn/many/test_executors.py"],
    "nn/many/trainer.py": MANY,
    "nn/many/workbench.py": MANY,
    "nn/many/workers.py": ["tests/nn/many/test_executors.py"],
    "engine/compiler/samples/masks.py": [
        "engine/compiler/samples/masks.py",
        "tests/engine/compiler/samples/test_masks.py",
    ],
}
