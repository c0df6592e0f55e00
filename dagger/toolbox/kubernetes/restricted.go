package main

import (
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// restricted answers what the Pod Security Standard "restricted" forbids in an object's pods.
func restricted(object runtime.Object) []string {
	made, ok := object.(*appsv1.Deployment)
	if !ok {
		return nil
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return []string{err.Error()}
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	said := []string{}
	for _, result := range evaluator.EvaluatePod(level, &made.Spec.Template.ObjectMeta, &made.Spec.Template.Spec) {
		if !result.Allowed {
			said = append(said, result.ForbiddenReason+": "+result.ForbiddenDetail)
		}
	}
	return said
}
