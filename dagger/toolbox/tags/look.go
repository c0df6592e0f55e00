package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// look prints a line for each name: its place among those asked for, and the digest or "none"; then "end". What could not
// be asked is told on standard error, and has no line.
func look(ctx context.Context, registries *registries, names []string) error {
	var turn sync.Mutex
	failures := beside(len(names), func(index int) error {
		found, err := registries.digestOf(ctx, names[index])
		if err != nil {
			return err
		}
		turn.Lock()
		defer turn.Unlock()
		if found == "" {
			fmt.Println(index, "none")
		} else {
			fmt.Println(index, found)
		}
		return nil
	})
	fmt.Println("end")
	return failures
}

// beside does a count of things, some side by side; one that fails keeps no other from being done.
func beside(count int, do func(index int) error) error {
	free := make(chan struct{}, sideBySide)
	failures := make([]error, count)
	var all sync.WaitGroup
	for index := range count {
		free <- struct{}{}
		all.Add(1)
		go func() {
			defer func() { <-free; all.Done() }()
			failures[index] = do(index)
		}()
	}
	all.Wait()
	return errors.Join(failures...)
}
