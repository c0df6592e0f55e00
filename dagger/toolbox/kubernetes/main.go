// kubernetes-check: says of each object on stdin what Kubernetes' own API server would say if somebody created it, without
// a cluster: strict decoding (unknown and repeated fields), defaults, the server's validation of the kind and its warnings.
// Pods are held against the Pod Security Standard "restricted" besides. The answer is JSON on stdout.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err == nil {
		var said []Said
		if said, err = check(text); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(map[string]any{"kubernetes": version(), "objects": said})
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, errors.Join(errors.New("kubernetes-check"), err))
		os.Exit(3)
	}
}
