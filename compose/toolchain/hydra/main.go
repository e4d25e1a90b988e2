// Command hydra is Ory Hydra, built from the module proxy.
package main

import "github.com/ory/hydra/v2/cmd"

func main() { cmd.Execute() }
