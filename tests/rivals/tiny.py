"""Tiny pipelines of random weights, one of each shape that users bring: saved as folders, drawn in a second."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers as d
import tokenizers
import torch
import transformers as t

WORDS = [chr(letter) for letter in range(ord("a"), ord("z") + 1)] + ["!", ".", ","]


def _clip_tokenizer(folder: Path) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    pieces = [*WORDS, *(f"{word}</w>" for word in WORDS), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({piece: at for at, piece in enumerate(pieces)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return t.CLIPTokenizer.from_pretrained(folder, model_max_length=77)


def _clip_config(**changes: Any) -> Any:
    settings: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 37,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "vocab_size": 64,
        "bos_token_id": 58,
        "eos_token_id": 59,
        "pad_token_id": 59,
    }
    return t.CLIPTextConfig(**{**settings, **changes})


def _t5() -> Any:
    return t.T5EncoderModel(
        t.T5Config(vocab_size=384, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4, dropout_rate=0.0)
    ).eval()


def _vae(**changes: Any) -> Any:
    settings: dict[str, Any] = {
        "block_out_channels": [4, 8],
        "latent_channels": 4,
        "norm_num_groups": 2,
        "down_block_types": ["DownEncoderBlock2D"] * 2,
        "up_block_types": ["UpDecoderBlock2D"] * 2,
    }
    return d.AutoencoderKL(**{**settings, **changes})


def _unet(**changes: Any) -> Any:
    settings: dict[str, Any] = {
        "block_out_channels": (4, 8),
        "layers_per_block": 1,
        "sample_size": 16,
        "norm_num_groups": 2,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "cross_attention_dim": 32,
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    }
    return d.UNet2DConditionModel(**{**settings, **changes})


def stable_diffusion(folder: Path, **changes: Any) -> Path:
    """Stable Diffusion, 32 x 32 pixels."""
    torch.manual_seed(0)
    parts: dict[str, Any] = {
        "unet": _unet(),
        "scheduler": d.DDIMScheduler(clip_sample=False, set_alpha_to_one=False),
        "vae": _vae(),
        "text_encoder": t.CLIPTextModel(_clip_config()).eval(),
        "tokenizer": _clip_tokenizer(folder.parent / "tokens"),
        "safety_checker": None,
        "feature_extractor": None,
        "requires_safety_checker": False,
    }
    d.StableDiffusionPipeline(**{**parts, **changes}).save_pretrained(folder)
    return folder


def latent_diffusion(folder: Path) -> Path:
    """The first latent diffusion, 32 x 32 pixels. It reads 77 tokens; its tokenizer could 512."""
    from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import LDMBertConfig, LDMBertModel

    torch.manual_seed(0)
    folder.mkdir(parents=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *(f"##{word}" for word in WORDS)]
    (folder / "vocab.txt").write_text("\n".join(words))
    bert = LDMBertConfig(
        vocab_size=80,
        encoder_layers=1,
        encoder_ffn_dim=37,
        encoder_attention_heads=2,
        head_dim=16,
        d_model=32,
        max_position_embeddings=77,
    )
    d.LDMTextToImagePipeline(
        vqvae=_vae(),
        bert=LDMBertModel(bert).eval(),
        tokenizer=t.BertTokenizer(str(folder / "vocab.txt"), model_max_length=512),
        unet=_unet(),
        scheduler=d.DDIMScheduler(clip_sample=False, set_alpha_to_one=False),
    ).save_pretrained(folder)
    return folder


def sdxl(folder: Path) -> Path:
    """Stable Diffusion XL, 32 x 32 pixels."""
    torch.manual_seed(0)
    projected = _clip_config(projection_dim=32)
    tokenizer = _clip_tokenizer(folder.parent / "tokens")
    d.StableDiffusionXLPipeline(
        unet=_unet(
            attention_head_dim=(2, 4),
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            transformer_layers_per_block=(1, 2),
            projection_class_embeddings_input_dim=80,
            cross_attention_dim=64,
        ),
        scheduler=d.EulerDiscreteScheduler(timestep_spacing="leading"),
        vae=_vae(),
        text_encoder=t.CLIPTextModel(_clip_config(projection_dim=32)).eval(),
        tokenizer=tokenizer,
        text_encoder_2=t.CLIPTextModelWithProjection(projected).eval(),
        tokenizer_2=tokenizer,
        add_watermarker=False,
    ).save_pretrained(folder)
    return folder


def flux(folder: Path) -> Path:
    """FLUX, 8 x 8 pixels and more."""
    torch.manual_seed(0)
    d.FluxPipeline(
        scheduler=d.FlowMatchEulerDiscreteScheduler(),
        vae=_vae(
            block_out_channels=(4,),
            latent_channels=1,
            norm_num_groups=1,
            sample_size=32,
            down_block_types=["DownEncoderBlock2D"],
            up_block_types=["UpDecoderBlock2D"],
            use_quant_conv=False,
            use_post_quant_conv=False,
            shift_factor=0.06,
            scaling_factor=1.5,
        ),
        text_encoder=t.CLIPTextModel(_clip_config(projection_dim=32)).eval(),
        tokenizer=_clip_tokenizer(folder.parent / "tokens"),
        text_encoder_2=_t5(),
        tokenizer_2=t.ByT5Tokenizer(),
        transformer=d.FluxTransformer2DModel(
            patch_size=1,
            in_channels=4,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            pooled_projection_dim=32,
            axes_dims_rope=[4, 4, 8],
        ),
    ).save_pretrained(folder)
    return folder


def pixart(folder: Path) -> Path:
    """PixArt-alpha, 16 x 16 pixels."""
    torch.manual_seed(0)
    d.PixArtAlphaPipeline(
        transformer=d.PixArtTransformer2DModel(
            sample_size=8,
            num_layers=2,
            patch_size=2,
            attention_head_dim=8,
            num_attention_heads=3,
            caption_channels=32,
            in_channels=4,
            cross_attention_dim=24,
            out_channels=8,
            attention_bias=True,
            activation_fn="gelu-approximate",
            num_embeds_ada_norm=1000,
            norm_type="ada_norm_single",
            norm_elementwise_affine=False,
            norm_eps=1e-6,
        ),
        vae=_vae(),
        scheduler=d.DDIMScheduler(),
        text_encoder=_t5(),
        tokenizer=t.ByT5Tokenizer(),
    ).save_pretrained(folder)
    return folder


def _if_unet(**changes: Any) -> Any:
    return _unet(
        **{
            "sample_size": 16,
            "block_out_channels": [32, 64],
            "in_channels": 3,
            "out_channels": 6,
            "down_block_types": ["ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"],
            "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
            "up_block_types": ["SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"],
            "encoder_hid_dim": 32,
            "attention_head_dim": 8,
            "addition_embed_type": "text",
            "norm_num_groups": 32,
            "addition_embed_type_num_heads": 2,
            "cross_attention_norm": "group_norm",
            "act_fn": "gelu",
            "resnet_time_scale_shift": "scale_shift",
            **changes,
        }
    )


def deepfloyd_if(folder: Path) -> Path:
    """DeepFloyd IF: 16, 32 and 128 pixels, as three folders. The second is published without its text encoder."""
    torch.manual_seed(0)
    schedule: dict[str, Any] = {
        "beta_schedule": "squaredcos_cap_v2",
        "thresholding": True,
        "variance_type": "learned_range",
        "dynamic_thresholding_ratio": 0.95,
        "sample_max_value": 1.0,
    }
    none: dict[str, Any] = {"safety_checker": None, "feature_extractor": None, "watermarker": None}
    none["requires_safety_checker"] = False
    d.IFPipeline(
        unet=_if_unet(),
        scheduler=d.DDPMScheduler(**schedule),
        text_encoder=_t5(),
        tokenizer=t.ByT5Tokenizer(),
        **none,
    ).save_pretrained(folder / "I")
    d.IFSuperResolutionPipeline(
        unet=_if_unet(
            sample_size=32,
            in_channels=6,
            class_embed_type="timestep",
            mid_block_scale_factor=1.414,
            time_embedding_act_fn="gelu",
            time_embedding_dim=32,
        ),
        scheduler=d.DDPMScheduler(**schedule),
        image_noising_scheduler=d.DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
        text_encoder=None,
        tokenizer=None,
        **none,
    ).save_pretrained(folder / "II")
    d.StableDiffusionUpscalePipeline(
        unet=_unet(in_channels=7, num_class_embeds=1000, sample_size=32),
        low_res_scheduler=d.DDPMScheduler(),
        scheduler=d.DDIMScheduler(clip_sample=False, set_alpha_to_one=False, prediction_type="v_prediction"),
        vae=_vae(
            block_out_channels=[4, 4, 8],
            down_block_types=["DownEncoderBlock2D"] * 3,
            up_block_types=["UpDecoderBlock2D"] * 3,
        ),
        text_encoder=t.CLIPTextModel(_clip_config()).eval(),
        tokenizer=_clip_tokenizer(folder.parent / "tokens"),
        max_noise_level=350,
    ).save_pretrained(folder / "III")
    return folder


def kandinsky(folder: Path) -> Path:
    """Kandinsky 2.2: a prior and a decoder, as two folders."""
    torch.manual_seed(0)
    prior = d.PriorTransformer(num_attention_heads=2, attention_head_dim=12, embedding_dim=32, num_layers=1)
    prior.clip_std = torch.nn.Parameter(torch.ones(prior.clip_std.shape))
    vision = t.CLIPVisionConfig(
        hidden_size=32,
        image_size=32,
        projection_dim=32,
        intermediate_size=37,
        num_attention_heads=4,
        num_channels=3,
        num_hidden_layers=2,
        patch_size=8,
    )
    d.KandinskyV22PriorPipeline(
        prior=prior,
        image_encoder=t.CLIPVisionModelWithProjection(vision).eval(),
        text_encoder=t.CLIPTextModelWithProjection(_clip_config(projection_dim=32)).eval(),
        tokenizer=_clip_tokenizer(folder.parent / "tokens"),
        scheduler=d.UnCLIPScheduler(
            variance_type="fixed_small_log", prediction_type="sample", clip_sample=True, clip_sample_range=10.0
        ),
        image_processor=t.CLIPImageProcessor(crop_size=32, size={"shortest_edge": 32}),
    ).save_pretrained(folder / "prior")
    d.KandinskyV22Pipeline(
        unet=_if_unet(
            in_channels=4,
            out_channels=8,
            addition_embed_type="image",
            class_embed_type=None,
            encoder_hid_dim_type="image_proj",
            attention_head_dim=4,
            act_fn="silu",
            cross_attention_norm=None,
        ),
        scheduler=d.DDIMScheduler(clip_sample=False, set_alpha_to_one=False, prediction_type="epsilon"),
        movq=d.VQModel(
            block_out_channels=[32, 64],
            latent_channels=4,
            norm_num_groups=8,
            norm_type="spatial",
            num_vq_embeddings=12,
            vq_embed_dim=4,
            layers_per_block=1,
            down_block_types=["DownEncoderBlock2D", "AttnDownEncoderBlock2D"],
            up_block_types=["AttnUpDecoderBlock2D", "UpDecoderBlock2D"],
        ),
    ).save_pretrained(folder / "decoder")
    return folder


def qwen_image(folder: Path) -> Path:
    """Qwen-Image: guided by `true_cfg_scale`, and away from a negative prompt alone."""
    torch.manual_seed(0)
    vocabulary = {text: number for number, text in enumerate(["<pad>", "<unk>", *map(chr, range(10, 127))])}
    characters = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<unk>"))
    characters.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    sides = {"hidden_size": 16, "intermediate_size": 16}
    rotary = {"mrope_section": [1, 1, 2], "rope_type": "default", "type": "default"}
    text = {**sides, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2, "rope_scaling": rotary}
    text |= {"rope_theta": 1e6, "vocab_size": len(vocabulary)}
    vision = {**sides, "depth": 2, "num_heads": 2, "out_hidden_size": 16}
    d.QwenImagePipeline(
        transformer=d.QwenImageTransformer2DModel(
            in_channels=16,
            out_channels=4,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=3,
            joint_attention_dim=16,
            axes_dims_rope=(8, 4, 4),
        ),
        vae=d.AutoencoderKLQwenImage(
            base_dim=24,
            z_dim=4,
            dim_mult=[1, 2, 4],
            num_res_blocks=1,
            temperal_downsample=[False, True],
            latents_mean=[0.0] * 4,
            latents_std=[1.0] * 4,
        ),
        scheduler=d.FlowMatchEulerDiscreteScheduler(),
        text_encoder=t.Qwen2_5_VLForConditionalGeneration(
            t.Qwen2_5_VLConfig(text_config=text, vision_config=vision)
        ).eval(),
        tokenizer=t.PreTrainedTokenizerFast(tokenizer_object=characters, pad_token="<pad>", unk_token="<unk>"),
    ).save_pretrained(folder)
    return folder


ONE_STAGE: dict[str, Callable[[Path], Path]] = {
    "stable_diffusion": stable_diffusion,
    "latent_diffusion": latent_diffusion,
    "sdxl": sdxl,
    "flux": flux,
    "pixart": pixart,
    "qwen_image": qwen_image,
}
