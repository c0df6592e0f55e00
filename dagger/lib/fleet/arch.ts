import { z } from "zod"

/** A CUDA compute capability, in torch's spelling or the owner's: "8.9" or "89". Comes out as "8.9". */
export const archSchema = z
  .string()
  .regex(/^[0-9]{1,2}\.?[0-9]$/, { error: 'is not a compute capability such as "8.9"' })
  .transform((text) => torchArch(text))

/** "89" and "8.9" are both "8.9", which is how torch spells it. */
export const torchArch = (text: string): string => (text.includes(".") ? text : text.replace(/(.)$/, ".$1"))

/** A list for TORCH_CUDA_ARCH_LIST in torch's spelling: "89;86" and "8.9;8.6" both give ["8.9", "8.6"]. */
export const torchArchList = (text: string): string[] => text.split(/[; ]+/).filter(Boolean).map(torchArch)
