module fairlead/toolbox/seal

go 1.26.0

require github.com/klauspost/compress v1.18.1
