"""Floor 6, training: TRL's trainer, fitted to short prompts and very short completions.

What is left out, because each step of a small model would pay for it: entropy, token accuracy and their gathering over
devices, the count of floating-point operations, the output layer on prompt positions, attention masks, and padding of
unlike lengths. What is put in: `StepOrder`, packed batches on a GPU, and losses that are means over completion tokens.
"""

from __future__ import annotations

import inspect
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.distributed.tensor import DTensor
from transformers import PrinterCallback, TrainerState
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from serpentune.common.errors import UserError
from serpentune.models import device, is_quantized
from serpentune.training import _optimizer
from serpentune.training._batches import IGNORED, Collator, Packer, StepOrder, few_widths, packer
from serpentune.training._checkpoints import explained_disk, part_folder, publish
from serpentune.training._graphs import Batch, Gradients, Graphs
from serpentune.training._losses import StepLosses
from serpentune.training._speed import can_pack, compiled, narrow_stream, skip_masks, summed_loss
from serpentune.training.config import AdvancedTrainingConfig
from serpentune.training.data import Tokens

_WIDTHS = 6
"""How many widths batches may have where each costs seconds of compiling."""


class SnakeTrainer(SFTTrainer):
    """`SFTTrainer` on tokens that are ready, with the loss on completions only.

    With `compiles` the model's layers and the loss are compiled, and batches have few shapes. Packed batches have one,
    and the passes over them are recorded, too, unless activations are computed again or weights are sharded.
    """

    def __init__(
        self,
        model: Any,
        args: SFTConfig,
        train: Tokens,
        evaluate: Tokens | None,
        tokenizer: Any,
        *,
        packs: bool = False,
        compiles: bool = False,
        muon: bool = False,
    ) -> None:
        """Prepare a run.

        Args:
            model: what `wrap` made and `quickened` prepared.
            args: as of `trainer_settings`.
            train: the training data.
            evaluate: the evaluation data; None where there are none.
            tokenizer: the model's.
            packs: whether batches are packed, as `quickened` says.
            compiles: whether layers and loss are compiled.
            muon: whether Muon moves the layers' matrices, instead of AdamW.
        """
        self._lengths, self._rows = train.lengths, train.rows
        self._pad = tokenizer.pad_token_id
        self._processes = args.world_size
        # The processes' batches of one step are next to each other, so that none waits long for another.
        batch, batches = args.per_device_train_batch_size, args.gradient_accumulation_steps * args.world_size
        self._order = StepOrder(train.lengths, batch, args.seed, batches, sorts=not packs)
        self.tokens = 0  # that this process has trained on, padding included; known from shapes, without the device
        self.losses = StepLosses(int(args.logging_steps), args.gradient_accumulation_steps, args.device)
        steps_an_epoch = -(-len(train.lengths) // (batch * batches))
        self._epochs = -(-args.max_steps // steps_an_epoch) if args.max_steps > 0 else math.ceil(args.num_train_epochs)
        self.packs = packs
        self.compiles = compiles
        self.muon = muon
        self._summed_loss = compiled(model) if compiles else summed_loss
        super().__init__(
            model=model,
            args=args,
            data_collator=self.collator(batch),
            train_dataset=train.rows,
            eval_dataset=evaluate.rows if evaluate is not None else None,
            processing_class=tokenizer,
        )
        # Activations that are computed again draw the same random numbers again, by ways that can't be recorded.
        self._records = packs and compiles and not args.activation_checkpointing and not self.is_fsdp_enabled
        self._graphs: Graphs | None = None
        self._gradients: Gradients | None = None
        # It prints each entry of the history to standard output, which belongs to the command's answer.
        self.remove_callback(PrinterCallback)
        if is_quantized(model):
            # TRL turns the adapter's weights into bf16, in which a CPU is slow and small updates are lost.
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter.data = parameter.data.float()

    def collator(self, batch_size: int) -> Packer | Collator:
        """What makes batches of so many samples."""
        if self.packs:
            prompts = np.asarray(self._rows.with_format("numpy")["prompt_length"][:])
            return packer(self._lengths, prompts, self._order, batch_size, self._pad, self._epochs, self._processes)
        if self.compiles:
            return Collator(self._pad, few_widths(self._lengths, _WIDTHS), batch_size)
        return Collator(self._pad)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """Mean negative log-likelihood of the completion tokens of the whole optimiser step."""
        total, count = self.completion_loss(model, inputs)
        if model.training:
            self.losses.add(total, count)
            self.tokens += inputs["input_ids"].numel()
        if num_items_in_batch is None:
            return total / count
        # DDP averages gradients over processes, while the tokens were counted over all of them.
        loss: torch.Tensor = total / num_items_in_batch * self.accelerator.num_processes
        return loss

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Train, in a stream of its own where passes are recorded, as recording asks for."""
        if not self._records:
            return super().train(*args, **kwargs)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            try:
                return super().train(*args, **kwargs)
            finally:
                self._graphs = self._gradients = None  # and their memory
                torch.cuda.synchronize()

    def training_step(
        self, model: Any, inputs: dict[str, Any], num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """Add a batch's gradients; those of several processes are averaged at once, not by DDP, which is passed by."""
        if not self._records:
            plain: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)  # type: ignore[no-untyped-call]
            return plain
        bare: Any = self.model
        if self._gradients is None or self._graphs is None:
            bare.train()
            self._gradients, self._graphs = Gradients(bare.parameters()), Graphs(self._passes)
        self._gradients.attach()
        loss, total, count = self._graphs({**self._prepare_inputs(inputs), "of_step": num_items_in_batch})
        self.losses.add(total, count)
        self.tokens += inputs["input_ids"].numel()
        if self.accelerator.num_processes > 1 and self.accelerator.sync_gradients:
            self._gradients.average()
        return loss

    def _passes(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Forward and backward pass: the loss, and what `completion_loss` says."""
        asked = {name: value for name, value in batch.items() if name != "of_step"}
        with self.compute_loss_context_manager():
            total, count = self.completion_loss(self.model, asked)
            loss = total / batch["of_step"] * self.accelerator.num_processes
        loss.backward()
        return loss.detach(), total.detach(), count

    def completion_loss(self, model: Any, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Summed negative log-likelihood of a batch's completion tokens, and their number."""
        targets = inputs["targets"]
        asked = {name: value for name, value in inputs.items() if name != "targets"}
        logits = model(**asked, use_cache=False).logits  # (B, U, V)
        return self._summed_loss(logits, targets), (targets != IGNORED).sum()

    def evaluate(self, *unused: Any, metric_key_prefix: str = "eval", **ignored: Any) -> dict[str, float]:
        """Mean negative log-likelihood per completion token of the evaluation data."""
        began = time.perf_counter()
        model: Any = self.model
        model.eval()
        sums = torch.zeros(2, device=self.args.device)
        # A data loader draws a seed from the global generator; without the fork, looking would change the next dropout.
        # Nothing is compiled for the other shapes that are met here.
        with (
            torch.random.fork_rng(devices=[]),
            torch.compiler.set_stance("force_eager"),
            torch.no_grad(),  # sharded weights can't be put together in inference mode
            self.compute_loss_context_manager(),
        ):
            for batch in self.get_eval_dataloader():
                batch = self._prepare_inputs(batch)
                count = (batch["targets"] != IGNORED).sum()
                sums[0] += self.compute_loss(model, batch) * count
                sums[1] += count
        total, count = self.accelerator.reduce(sums, "sum").tolist()
        metrics = {f"{metric_key_prefix}_loss": total / count, "eval_seconds": round(time.perf_counter() - began, 3)}
        model.train()
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Log, the training loss as the mean per completion token since the entry before, as `evaluate` has it.

        The summary that transformers makes at the end is left out: its loss is another mean, of this call's steps only.
        """
        if "train_runtime" in logs:
            return
        if "loss" in logs:
            logs = {**logs, "loss": self.losses.take_mean()}
        super().log(logs, *args, **kwargs)

    def _get_grad_norm(self, *args: Any, **kwargs: Any) -> Any:
        norm = super()._get_grad_norm(*args, **kwargs)  # type: ignore[no-untyped-call]
        self.losses.end_step(norm.full_tensor() if isinstance(norm, DTensor) else norm)
        return norm

    def _maybe_log_save_evaluate(self, *args: Any, **kwargs: Any) -> None:
        control = self.control
        if control.should_log or control.should_evaluate or control.should_save or self.losses.full:
            # Before a checkpoint of weights that are no numbers would push out the ones before.
            self.losses.read(self.state.global_step, self.accelerator.gather, check_gradients=not self.args.fp16)
        super()._maybe_log_save_evaluate(*args, **kwargs)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Make the optimiser, once."""
        if self.optimizer is None and self.muon:
            base: Any = self.model
            decayed = self.get_decay_parameter_names(base)
            self.optimizer = _optimizer.muon(
                base, lr=self.args.learning_rate, weight_decay=self.args.weight_decay, decayed=decayed
            )
        return super().create_optimizer(model)

    def _get_output_dir(self, trial: Any) -> str:
        return str(part_folder(Path(str(self.args.output_dir))))

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        checkpoints, step = Path(str(self.args.output_dir)), self.state.global_step
        with explained_disk(checkpoints, step):
            super()._save_checkpoint(model, trial)  # type: ignore[no-untyped-call]
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                self.losses.save(part_folder(checkpoints) / f"checkpoint-{step}")
                publish(checkpoints, step)
        self.accelerator.wait_for_everyone()

    def resume(self, checkpoint: Path) -> None:
        """Train on from a checkpoint."""
        self.losses.restore(checkpoint)
        state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
        every = self.args.eval_steps
        due = self.eval_dataset is not None and every is not None and state.global_step % every == 0
        # A signal lets no evaluation begin, so one may be left to make up for.
        self.args.eval_on_start = due and not evaluated(state)
        self.train(resume_from_checkpoint=str(checkpoint))

    def restore(self, checkpoint: Path) -> None:
        """Take weights and history of a finished run; `train` would add a step to it."""
        self._load_from_checkpoint(str(checkpoint))
        self.state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))

    def floating_point_ops(self, inputs: dict[str, torch.Tensor]) -> int:
        """Not counted: it walks over every parameter in each step."""
        return 0

    def create_model_card(self, *unused: Any, **ignored: Any) -> None:
        """None is written: TRL's says nothing of this run, and a checkpoint is no model to publish."""

    def _get_num_items_in_batch(
        self, batch_samples: list[dict[str, torch.Tensor]], device: torch.device
    ) -> torch.Tensor:
        count = torch.stack([(batch["targets"] != IGNORED).sum() for batch in batch_samples]).sum().to(device)
        return self.accelerator.gather(count).sum() if self.args.world_size > 1 else count

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return self._order

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        # accelerate tells a sampler its epoch through two wrappers; a resumed run of several processes has three.
        self._order.set_epoch(kwargs["epoch"])
        super()._run_epoch(*args, **kwargs)  # type: ignore[no-untyped-call]


def quickened(model: Any, args: SFTConfig, longest: int) -> bool:
    """Make a model's steps quick, in place; whether its batches can be packed. To be done once to a model.

    Args:
        model: what `wrap` made.
        args: as of `trainer_settings`.
        longest: tokens of the longest sample.
    """
    skip_masks(model, longest)
    if not args.bf16:
        return False
    narrow_stream(model, torch.bfloat16)
    with torch.autocast(args.device.type, torch.bfloat16):
        return can_pack(model)


def evaluated(state: TrainerState) -> bool:
    """Whether the evaluation data were looked at after the last step."""
    return any("eval_loss" in entry and entry["step"] == state.global_step for entry in state.log_history)


def trainer_settings(
    config: AdvancedTrainingConfig, checkpoints: str, *, warmup_steps: int, evaluates: bool, bf16: bool
) -> SFTConfig:
    """The configuration as TRL takes it; what it leaves at a default of TRL's own choosing is set here on purpose."""
    steps = config.hyperparameters
    on_gpu = device().type == "cuda"
    return SFTConfig(
        output_dir=checkpoints,
        per_device_train_batch_size=steps.batch_size,
        per_device_eval_batch_size=2 * steps.batch_size,
        gradient_accumulation_steps=steps.gradient_accumulation_steps,
        num_train_epochs=steps.num_epochs,
        max_steps=steps.max_steps or -1,
        learning_rate=steps.learning_rate,
        lr_scheduler_type="constant_with_warmup" if steps.lr_scheduler == "constant" else steps.lr_scheduler,
        warmup_steps=warmup_steps,
        weight_decay=steps.weight_decay,
        max_grad_norm=steps.max_grad_norm,
        optim="adamw_torch_fused",
        seed=config.seed,
        bf16=bf16,
        fp16=config.fp16,
        activation_checkpointing=config.gradient_checkpointing,
        dataloader_num_workers=config.dataloader_num_workers,
        dataloader_pin_memory=on_gpu,
        accelerator_config={"non_blocking": on_gpu},
        use_cpu=not on_gpu,
        logging_steps=config.logging_steps,
        logging_nan_inf_filter=False,  # a loss that is no number must be seen
        eval_strategy="steps" if evaluates else "no",
        eval_steps=config.eval_steps if evaluates else None,
        save_strategy="steps",
        save_steps=config.save_steps,
        ddp_find_unused_parameters=False,  # all that learn take part in every step
        fsdp=config.fsdp or None,  # type: ignore[arg-type]  # annotated as it is typed
        fsdp_config={"version": 2, "reshard_after_forward": True} if config.fsdp else None,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
    )


def check_model(model: Any, name: str) -> None:
    """Refuse a model whose output layer can't be applied to chosen positions.

    Raises:
        UserError: its forward pass takes no `logits_to_keep`.
    """
    if "logits_to_keep" not in inspect.signature(type(model).forward).parameters:
        raise UserError(f"{name}: {type(model).__name__} takes no logits_to_keep, so it can't be trained here.")
