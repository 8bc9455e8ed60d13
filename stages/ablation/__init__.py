"""The paper's ablations: reports/ablation/dvc.yaml runs training and evaluation again and again with other settings."""
