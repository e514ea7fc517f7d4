"""The operator's TUF repository: offline keys, signing requests and the signed files under DATA/trust. No Django models here."""
