"""Names of the published code's tensors, and of ``transformers``' SegFormer in it, against ours: two tables.

:func:`canonical` brings every known spelling to one; :func:`published_names` says which of those stand behind a tensor
of ours. Strings only: what is done with the tensors is :mod:`gsanet.weights.published`'s business.
"""

from __future__ import annotations

import re

_SPELLINGS = (
    (r"^(module\.)+", ""),
    # Encoder and fusions of a pretraining checkpoint may come without the stream's name.
    (r"^(encoder|MFFM[1-4])\.", r"rgb_\1."),
    (r"(MFFM\d\.branch\d)\.(conv|bn)\.", r"\1.0.\2."),
    # transformers 5 -> 4; the order matters: the last rules rely on what the first ones leave behind.
    (r"segformer\.stages\.(\d)\.blocks\.(\d+)\.", r"segformer.encoder.block.\1.\2."),
    (r"segformer\.stages\.(\d)\.patch_embeddings\.", r"segformer.encoder.patch_embeddings.\1."),
    (r"segformer\.stages\.(\d)\.layer_norm\.", r"segformer.encoder.layer_norm.\1."),
    (r"(block\.\d\.\d+)\.layernorm_before\.", r"\1.layer_norm_1."),
    (r"(block\.\d\.\d+)\.layernorm_after\.", r"\1.layer_norm_2."),
    (r"\.attention\.q_proj\.", ".attention.self.query."),
    (r"\.attention\.k_proj\.", ".attention.self.key."),
    (r"\.attention\.v_proj\.", ".attention.self.value."),
    (r"\.attention\.o_proj\.", ".attention.output.dense."),
    (r"\.attention\.sequence_reduction\.sequence_reduction\.", ".attention.self.sr."),
    (r"\.attention\.sequence_reduction\.layer_norm\.", ".attention.self.layer_norm."),
    (r"(block\.\d\.\d+\.mlp)\.fc(\d)\.", r"\1.dense\2."),
)
"""Every known spelling -> the one of the video checkpoint with transformers 4."""

_TRANSLATIONS = (
    # Encoder, as segmentation-models-pytorch names it.
    (r"^(rgb|flow)\.backbone\.encoder\.", r"\1_encoder.segformer.encoder."),
    (r"\.patch_embed(\d)\.norm\.", r".patch_embeddings.{-\1}.layer_norm."),
    (r"\.patch_embed(\d)\.", r".patch_embeddings.{-\1}."),
    (r"\.encoder\.norm(\d)\.", r".encoder.layer_norm.{-\1}."),
    (r"\.block(\d)\.(\d+)\.norm(\d)\.", r".block.{-\1}.\2.layer_norm_\3."),
    (r"\.block(\d)\.", r".block.{-\1}."),
    (r"\.attn\.q\.", ".attention.self.query."),
    (r"\.attn\.kv\.", ".attention.self.[key|value]."),
    (r"\.attn\.proj\.", ".attention.output.dense."),
    (r"\.attn\.sr\.", ".attention.self.sr."),
    (r"\.attn\.norm\.", ".attention.self.layer_norm."),
    (r"\.mlp\.fc(\d)\.", r".mlp.dense\1."),
    # Multi-scale fusion: numbered from the last stage to the first there.
    (r"^(rgb|flow)\.fusion\.0\.", r"\1_MFFM4."),
    (r"^(rgb|flow)\.fusion\.1\.", r"\1_MFFM3."),
    (r"^(rgb|flow)\.fusion\.2\.", r"\1_MFFM2."),
    (r"^(rgb|flow)\.fusion\.3\.", r"\1_MFFM1."),
    (r"\.reduce\.", ".in_conv."),
    (r"\.shortcut\.0\.", ".branch0.0.conv."),
    (r"\.shortcut\.1\.", ".branch0.0.bn."),
    (r"\.branches\.(\d)\.0\.", r".branch{+\1}.0.conv."),
    (r"\.branches\.(\d)\.1\.", r".branch{+\1}.0.bn."),
    # Slots.
    (r"^(rgb|flow)_slots\.squeeze\.", r"\1_SG.sqz."),
    (r"^(rgb|flow)_slots\.slot_masks\.", r"\1_SG.slot_enc."),
    (r"^(rgb|flow)_slots\.generator\.", r"\1_SG.FAT."),
    (r"^(rgb|flow)_slots\.attention\.", r"\1_SA.FAT."),
    (r"\.FAT\.pool\.score\.", ".FAT.line_conv_att."),
    (r"\.FAT\.pool\.project\.", ".FAT.conva."),
    (r"\.global_from_local\.out\.", ".ATB.G2L.to_out.0."),
    (r"\.local_from_global\.out\.", ".ATB.L2G.to_out.0."),
    (r"\.global_from_local\.(q|k|v)[a-z]+\.", r".ATB.G2L.to_\1."),
    (r"\.local_from_global\.(q|k|v)[a-z]+\.", r".ATB.L2G.to_\1."),
    (r"\.global_block\.", ".ATB.former1.layers.0."),
    (r"\.local_block\.", ".ATB.former2.layers.0."),
    (r"\.layers\.0\.norm1\.", ".layers.0.0.norm."),
    (r"\.layers\.0\.attention\.qkv\.", ".layers.0.0.fn.to_qkv."),
    (r"\.layers\.0\.attention\.out\.", ".layers.0.0.fn.to_out.0."),
    (r"\.layers\.0\.norm2\.", ".layers.0.1.norm."),
    (r"\.layers\.0\.mlp\.", ".layers.0.1.fn.net."),
    # Decoder.
    (r"^(rgb|flow)_slots\.enrich\.", r"\1_fusion."),
    (r"^stream_fusion\.(\d)\.residual\.", r"total_fuse{+\1}.conv1."),
    (r"^stream_fusion\.(\d)\.project\.", r"total_fuse{+\1}.conv2."),
    (r"^decoder\.merge\.(\d)\.0\.", r"fusion{+\1}.cat_conv.conv."),
    (r"^decoder\.merge\.(\d)\.1\.", r"fusion{+\1}.cat_conv.bn."),
    (r"^decoder\.heads\.0\.", "linearr5."),
    (r"^decoder\.heads\.1\.", "linearr6."),
    (r"^decoder\.heads\.2\.", "linearr7."),
    (r"^decoder\.heads\.3\.", "linearr8."),
)
"""Our names -> theirs. ``{+n}`` and ``{-n}`` count up or down by one; ``[a|b]`` are two tensors that we keep as one."""


def canonical(name: str) -> str:
    """*name* as a video checkpoint made with transformers 4 spells it."""
    for pattern, replacement in _SPELLINGS:
        name = re.sub(pattern, replacement, name)
    return name


def published_names(name: str) -> list[str]:
    """The published tensor, or the two that are joined, behind *name* of our state dict."""
    for pattern, replacement in _TRANSLATIONS:
        name = re.sub(pattern, replacement, name)
    name = re.sub(r"\{([+-])(\d)\}", lambda m: str(int(m[2]) + (1 if m[1] == "+" else -1)), name)
    choice = re.search(r"\[(\w+)\|(\w+)\]", name)
    if choice is None:
        return [name]
    return [name[: choice.start()] + word + name[choice.end() :] for word in choice.groups()]
