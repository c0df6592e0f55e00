import { spelled } from "./names.ts"

/** A CUDA compute capability, in torch's spelling or the owner's: "8.9" or "89". Comes out as "8.9". */
export const archSchema = spelled({
  pattern: /^[0-9]{1,2}\.?[0-9]$/,
  right: 'a compute capability such as "8.9"',
}).transform((text) => torchArch(text))

/** "89" and "8.9" are both "8.9", which is how torch spells it; "86+PTX" is "8.6+PTX". */
export const torchArch = (text: string): string => text.replace(/^([0-9]{1,2}?)\.?([0-9]a?)(\+PTX)?$/, "$1.$2$3")

/** A list for TORCH_CUDA_ARCH_LIST in torch's spelling: "89;86" and "8.9;8.6" both give ["8.9", "8.6"]. */
export const torchArchList = (text: string): string[] => text.split(/[; ]+/).filter(Boolean).map(torchArch)

/**
 * The architectures that torch 2.2 can compile for. Source: supported_arches in torch/utils/cpp_extension.py of
 * PyTorch 2.2.
 */
export const torchKnows: readonly string[] =
  "3.5 3.7 5.0 5.2 5.3 6.0 6.1 6.2 7.0 7.2 7.5 8.0 8.6 8.7 8.9 9.0 9.0a".split(" ")
