import type { Fleet } from "../fleet/fleet.ts"
import { lines, loginLine, planFile, reports, schedule } from "./lines.ts"
import { headerLines } from "./names.ts"

/** Jenkins' file: a declarative pipeline, whose jobs for images are made while it runs. */
export const jenkinsFiles = (fleet: Fleet): Record<string, string> => ({ Jenkinsfile: jenkinsfile(fleet) })

const jenkinsfile = (fleet: Fleet): string => `${headerLines(
  "jenkins",
  "What is built, released, looked at again and deployed.",
)
  .map((line) => `// ${line}`)
  .join("\n")}
pipeline {
  agent none
  options {
    disableConcurrentBuilds()
    buildDiscarder(logRotator(numToKeepStr: '50'))
  }
  triggers {
    parameterizedCron('''
      ${schedule.rescan} %SCHEDULED=rescan
      ${schedule.prune} %SCHEDULED=prune
    ''')
  }
  parameters {
    string(name: 'TAG', defaultValue: 'current', description: 'the release that is deployed')
    booleanParam(name: 'DEPLOY', defaultValue: false, description: 'deploy, once somebody approved the plan')
    choice(name: 'SCHEDULED', choices: ['', 'rescan', 'prune'], description: 'only this')
  }
  stages {
    stage('check') {
      when { changeRequest() }
      agent { label 'fairlead' }
      steps {
        sh '${lines.composeIsRendered}'
        sh '${lines.filesAreRendered("jenkins")}'
      }
    }
    // What has to be built, by fingerprint. What is unchanged gets no job; children wait for the stage of their parents.
    stage('ship') {
      when { anyOf { changeRequest(); branch 'main' }; expression { !params.SCHEDULED && !params.DEPLOY } }
      steps {
        script {
          def stages = ''
          node('fairlead') {
            checkout scm
            withRegistry {
              stages = sh(returnStdout: true, script: env.CHANGE_ID ? '${lines.jobsOfProposal("jenkins")}' : '${lines.jobs("jenkins")}')
            }
          }
          for (names in stages.readLines().findAll { it }) {
            // One that failed stops its own children and nothing else: ship says so for each of them.
            parallel names.tokenize().collectEntries { name -> [(name): { catchError { ship(name) } }] }
          }
        }
      }
    }
    // All that is released now, by its signed records: one list of findings, and the SBOMs.
    stage('released') {
      when { branch 'main'; expression { params.SCHEDULED != 'prune' && !params.DEPLOY } }
      agent { label 'fairlead' }
      steps {
        withRegistry { sh '${lines.rescan}' }
      }
      post {
        always {
          archiveArtifacts artifacts: 'dist/**', allowEmptyArchive: true
          junit testResults: '${reports.junit}', allowEmptyResults: true
        }
      }
    }
    stage('prune') {
      when { branch 'main'; expression { params.SCHEDULED == 'prune' } }
      agent { label 'fairlead' }
      steps {
        withHosts { sh '${lines.prune(fleet)}' }
      }
    }
    stage('deploy: plan') {
      when { branch 'main'; expression { params.DEPLOY } }
      agent { label 'fairlead' }
      steps {
        withHosts { sh '${lines.deployPlan('"$TAG"')}' }
        stash name: 'plan', includes: '${planFile}'
      }
    }
    stage('deploy: approval') {
      when { branch 'main'; expression { params.DEPLOY } }
      steps {
        timeout(time: 1, unit: 'DAYS') { input message: 'Carry out the plan above?', ok: 'Deploy' }
      }
    }
    // What is no longer what would be done is refused, with both digests.
    stage('deploy') {
      when { branch 'main'; expression { params.DEPLOY } }
      agent { label 'fairlead' }
      steps {
        unstash 'plan'
        withHosts { sh '${lines.deployApply}' }
      }
    }
  }
}

def ship(String name) {
  node('fairlead') {
    checkout scm
    try {
      withRegistry {
        withEnv(["FAMILY=\${name}"]) {
          if (env.CHANGE_ID) {
            sh '${lines.tryOut('"$FAMILY"')}'
          } else {
            withCredentials([
              file(credentialsId: 'fairlead-cosign-key', variable: 'FAIRLEAD_SIGNING_KEY'),
              string(credentialsId: 'fairlead-cosign-password', variable: 'COSIGN_PASSWORD'),
            ]) { sh '${lines.ship('"$FAMILY"')}' }
          }
        }
      }
    } finally {
      archiveArtifacts artifacts: 'dist/**', allowEmptyArchive: true
      junit testResults: '${reports.junit}', allowEmptyResults: true
    }
  }
}

def withRegistry(Closure work) {
  withCredentials([usernamePassword(credentialsId: 'fairlead-registry', usernameVariable: 'REGISTRY_USER', passwordVariable: 'REGISTRY_PASSWORD')]) {
    sh '''${loginLine(fleet.registry.host, "REGISTRY_USER", "REGISTRY_PASSWORD")}'''
    work()
  }
}

// The key is in an agent's memory for as long as that takes.
def withHosts(Closure work) {
  withRegistry {
    sshagent(['fairlead-ssh-key']) { work() }
  }
}
`
